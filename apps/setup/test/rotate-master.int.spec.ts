import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SEALING_SERVICES, SERVICES } from '@dsops/contracts/service-names';
import { withClient } from '@dsops/database';
import { newId, Secret, unwrapSecret } from '@dsops/kernel';
import { openKeyFile, Sealer, ServiceKey, type SealedValue } from '@dsops/sealing';
import { testServerUrl } from '@dsops/testing';
import { readConfig } from '../src/config.js';
import { rotateMaster } from '../src/rotate-master.service.js';
import { setUp } from '../src/set-up.service.js';

const SEALED = `key_id as "keyId", algorithm, wrap_nonce as "wrapNonce", wrapped_key as "wrappedKey",
  wrap_tag as "wrapTag", nonce, ciphertext, tag`;

describe('the setup program with rotate-master', () => {
  const database = `rotate_master_${randomBytes(6).toString('hex')}`;
  const { hostname: host, port, password } = new URL(testServerUrl());
  const destination = newId();
  const place = { purpose: 'settings', ids: [destination] };
  let folder: string;
  let keyFile: string;

  // Roles belong to the whole server, which other specs use meanwhile: they keep their password.
  const config = () =>
    readConfig({
      DSOPS_DATABASE_HOST: host,
      DSOPS_DATABASE_PORT: port,
      DSOPS_DATABASE_NAME: database,
      DSOPS_DATABASE_ADMIN_PASSWORD: password,
      ...Object.fromEntries(SERVICES.map((service) => [`DSOPS_DATABASE_PASSWORD_${service.toUpperCase()}`, password])),
      DSOPS_KEY_FILE: keyFile,
    });
  const query = <Row extends object>(text: string, values: unknown[] = []) =>
    withClient(testServerUrl(database), async (client) => (await client.query<Row>(text, values)).rows);
  const serviceKey = (service: string) =>
    ServiceKey.read(new Secret(readFileSync(join(folder, 'services', service, 'service.key'), 'utf8')), service);
  const rotate = async (signal = new AbortController().signal) => {
    const lines: string[] = [];
    await rotateMaster(config(), (line) => lines.push(line), signal);
    return lines;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-rotate-master-'));
    keyFile = join(folder, 'sealing.key');
    await setUp(config());
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await withClient(testServerUrl(), (server) => server.query(`drop database if exists ${database} with (force)`));
  });

  it('changes nothing before a service has started once', async () => {
    await expect(rotate()).rejects.toMatchObject({ code: 'nothing_sealed' });
    expect(readdirSync(folder)).toEqual(['sealing.key', 'services']);
  });

  it('hands every service that seals its new key, which opens what was sealed before', async () => {
    const before = await openKeyFile({ path: keyFile, database: 'existing' });
    await query("insert into rotation.installation (id, key_id, mode, high_water) values ('one', $1, 'normal', 0)", [
      before.id,
    ]);
    await query(
      "insert into notification.destinations (id, channel, name, since) values ($1, 'webhook', 'room', now())",
      [destination],
    );
    const sealed = new Sealer(serviceKey('notification')).seal(place, new Secret('https://hooks.test'));
    const bytes = (['wrapNonce', 'wrappedKey', 'wrapTag', 'nonce', 'ciphertext', 'tag'] as const).map((part) =>
      Buffer.from(sealed[part]),
    );
    await query('insert into notification.sealed_settings values ($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
      destination,
      sealed.keyId,
      sealed.algorithm,
      ...bytes,
    ]);

    const lines = await rotate();
    const after = await openKeyFile({ path: keyFile, database: 'existing' });
    expect(after.id).not.toBe(before.id);
    expect(SEALING_SERVICES.map((service) => serviceKey(service).id)).toEqual([after.id, after.id]);
    const [row] = await query<SealedValue>(`select ${SEALED} from notification.sealed_settings`);
    expect(unwrapSecret(new Sealer(serviceKey('notification')).unseal(place, row!))).toBe('https://hooks.test');
    expect(lines.at(-1)).toMatch(/DSOPS_SERVICE_KEY_FROM\) needs the new text there before it starts\.$/);
    for (const part of ['sealing.key.', '.old. Backups of the database that were made before now need it'])
      expect(lines.join('\n')).toContain(part);
    await setUp(config());
  });

  it('hands out no service key of another master key: not in the middle, not when only a file is left, not of a restored database', async () => {
    const before = SEALING_SERVICES.map((service) => serviceKey(service).id);
    const stop = new AbortController();
    stop.abort();
    await expect(rotate(stop.signal)).rejects.toMatchObject({ code: 'key_change_interrupted' });
    expect(readdirSync(folder).filter((name) => name.endsWith('.next'))).toEqual([]);

    const installed = await openKeyFile({ path: keyFile, database: 'existing' });
    const former = readdirSync(folder).find((name) => name.endsWith('.old'))!;
    renameSync(keyFile, `${keyFile}.next`);
    copyFileSync(join(folder, former), keyFile);
    await expect(setUp(config())).rejects.toMatchObject({ code: 'key_change_unfinished' });
    renameSync(`${keyFile}.next`, keyFile);

    await query("update rotation.installation set next_key_id = 'another'");
    await expect(setUp(config())).rejects.toMatchObject({ code: 'key_change_unfinished' });
    const [, formerId = ''] = /([0-9a-f]{16})\.old$/.exec(former) ?? [];
    await query('update rotation.installation set next_key_id = null, key_id = $1', [formerId]);
    await expect(setUp(config())).rejects.toMatchObject({
      code: 'key_foreign',
      message: `The database is sealed with key ${formerId}, but ${keyFile} holds ${installed.id}.`,
      details: {
        remedy: expect.stringContaining(
          `Rename ${keyFile} to ${keyFile}.${installed.id}.unused, so that its key is not lost, then copy ${join(folder, former)} to ${keyFile}`,
        ),
      },
    });
    expect(SEALING_SERVICES.map((service) => serviceKey(service).id)).toEqual(before);
  });
});
