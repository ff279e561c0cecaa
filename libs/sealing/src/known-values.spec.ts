import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unwrapSecret } from '@dsops/kernel';
import { openKeyFile } from './key-file.js';
import type { MasterKey } from './master-key.js';
import { DATABASE_SUPERUSER, databaseRole, serviceToken, sidecarToken } from './purposes.js';
import { Sealer, type SealedPlace, type SealedValue } from './sealing.js';

/** A key file and values as the first release wrote them, which must be read for ever. */
const KEY_FILE = {
  format: 'dsops key file',
  version: 1,
  note: 'Whoever has this file and a copy of the database can read every secret. Without it nobody can.',
  id: '42d61ca4f41a8630',
  key: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8',
};
const VERSION: SealedPlace = {
  purpose: 'version',
  ids: ['01KADC00000000000000000001', '01KADC00000000000000000002', 'shop_a'],
};
const SEALED_VERSION = sealedValue({
  wrapNonce: 'pVmL1b-rvocS8EWO',
  wrappedKey: 'U_fBBB6FA187qonH4eKglKuP4fdt0p9ZysxmUSLBTGU',
  wrapTag: 'youDTgJEwIfa1hh3hOpE6Q',
  nonce: '0zJbC2Xi0TlYHYok',
  ciphertext: 'jGzTIfnA-MXrdL5FOtaehxcBw6B3KMQ8anqph97UHHzPLpqvmw',
  tag: 'LdmSYtmOp71FOavvFW1Dzg',
});
const ADMIN: SealedPlace = { purpose: 'admin', ids: ['01KADC00000000000000000003', 'shop_admin'] };
const SEALED_ADMIN = sealedValue({
  wrapNonce: '76h0zeXhyeeNNKJt',
  wrappedKey: 'NShdnM2ucGIVJ1QrUvL6VthysJwrTQ-xLygCcZVTrNQ',
  wrapTag: 'PKG9Mqz47ITLopRehMS6Xw',
  nonce: 'KG1NSGHG8K3cFtKf',
  ciphertext: 'yv6ujhDUT0GtotfiFKdL',
  tag: 'AhbwprxNWxkElSPkuwI-LQ',
});

type ByteField = Exclude<keyof SealedValue, 'keyId' | 'algorithm'>;
function sealedValue(fields: Record<ByteField, string>): SealedValue {
  const bytes = Object.entries(fields).map(([name, text]) => [name, Uint8Array.from(Buffer.from(text, 'base64url'))]);
  return {
    keyId: KEY_FILE.id,
    algorithm: 'AES-256-GCM',
    ...(Object.fromEntries(bytes) as Record<ByteField, Uint8Array<ArrayBuffer>>),
  };
}

describe('an installation that the first release made', () => {
  let folder: string;
  let key: MasterKey;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dsops-known-'));
    await writeFile(join(folder, 'sealing.key'), JSON.stringify(KEY_FILE));
    key = await openKeyFile({ path: join(folder, 'sealing.key'), database: 'existing' });
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('has the passwords that its database and sidecars were given', () => {
    const passwords = {
      superuser: DATABASE_SUPERUSER,
      rotation: databaseRole('rotation'),
      audit: databaseRole('audit'),
      sidecarToken: sidecarToken('rotation'),
      serviceToken: serviceToken('rotation'),
    };
    const derived = Object.entries(passwords).map(([name, purpose]) => [name, unwrapSecret(key.password(purpose))]);
    expect(Object.fromEntries(derived)).toEqual({
      superuser: 'KOTo6gEtyzJd8V2kmLYmQY8sSdMK1JilKnMRRH1yLoY',
      rotation: '54W6PgEQZQoixPjiKOxnKXhN15TuMZAvo6JUwqCa_qg',
      audit: 'ug4bAgCVd0NRv_6Gft6_fykhlhQJzwv-hFzr6aJMA7E',
      sidecarToken: 'pP1_uq_6tQax4_kEvsuXavkAhYQ6Q0_gCBUl9OffMgg',
      serviceToken: 'Txeo8fCZqlX0lb64xGyzAJxB7GGUPiE_C1DLl29OOgs',
    });
  });

  it('opens with the service key of rotation what was sealed before there were service keys', () => {
    const sealer = new Sealer(key.serviceKey('rotation'));
    expect(unwrapSecret(sealer.unseal(VERSION, SEALED_VERSION))).toBe('sealed before there were service keys');
    expect(unwrapSecret(sealer.unseal(ADMIN, SEALED_ADMIN))).toBe('admin of before');
  });

  it('knows a request again that rotation took a fingerprint of', () => {
    expect(key.serviceKey('rotation').fingerprint('text')).toBe('mg5MA8-7iJOsO12wkGPDWSXpTZ1pCBcyOendkddv1QM');
  });
});
