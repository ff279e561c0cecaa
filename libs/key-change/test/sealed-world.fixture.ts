import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { newId, Secret, unwrapSecret } from '@dsops/kernel';
import { KeyFiles, openKeyFile, Sealer, type MasterKey, type SealedPlace, type SealedValue } from '@dsops/sealing';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import { changeMasterKey, type KeyChange, type KeyChangeOptions } from '../src/change-master-key.js';

const SEALED = `key_id as "keyId", algorithm, wrap_nonce as "wrapNonce", wrapped_key as "wrappedKey",
  wrap_tag as "wrapTag", nonce, ciphertext, tag`;

interface Kept {
  readonly service: string;
  readonly table: string;
  readonly row: Readonly<Record<string, string>>;
  readonly place: SealedPlace;
  readonly value: string;
}

/** An installation in a database of its own, with values of every purpose, and its key file. */
export class SealedWorld {
  readonly kept: Kept[] = [];

  private constructor(
    readonly test: TestDatabase,
    readonly admin: pg.Client,
    readonly folder: string,
    readonly first: MasterKey,
  ) {}

  static async open(): Promise<SealedWorld> {
    const test = await createTestDatabase();
    const admin = new pg.Client({ connectionString: test.adminUrl });
    await admin.connect();
    const folder = mkdtempSync(join(tmpdir(), 'dsops-key-change-'));
    const first = await openKeyFile({ path: join(folder, 'sealing.key'), database: 'new' });
    const world = new SealedWorld(test, admin, folder, first);
    await admin.query(
      "insert into rotation.installation (id, key_id, mode, high_water) values ('one', $1, 'normal', 0)",
      [first.id],
    );
    return world;
  }

  get keyFile(): string {
    return join(this.folder, 'sealing.key');
  }

  get files(): string[] {
    return readdirSync(this.folder).sort();
  }

  /** A service with its admin's password and this many versions, and a destination with settings. */
  async addValues(versions: number): Promise<void> {
    const [environment, service, credential, destination] = [newId(), newId(), newId(), newId()];
    const { admin } = this;
    await admin.query('insert into rotation.environments values ($1, $1, now())', [environment]);
    await admin.query(
      `insert into rotation.services (id, environment_id, name, type, target, admin_username, managed_by, created_at, server)
       values ($1, $2, $1, 'postgresql', '{}', 'admin', 'api', now(), 'x')`,
      [service, environment],
    );
    await admin.query(
      `insert into rotation.credentials (id, service_id, name, strategy, slots, grace_period, verification,
         automatic_rollback, created_at, settings) values ($1, $2, 'login', 'two-key', '{a}', '0s', '{}', true, now(), '{}')`,
      [credential, service],
    );
    await this.seal('rotation', 'rotation.sealed_values', {
      row: { owner_kind: 'admin', owner_id: service },
      place: { purpose: 'admin', ids: [service, 'admin'] },
    });
    for (let nth = 0; nth < versions; nth += 1) {
      const version = newId();
      await admin.query(
        `insert into rotation.versions (id, credential_id, name, slot, login, target, created_at)
         values ($1, $2, $1, 'a', 'a', '{}', now())`,
        [version, credential],
      );
      await this.seal('rotation', 'rotation.sealed_values', {
        row: { owner_kind: 'version', owner_id: version },
        place: { purpose: 'version', ids: [credential, version, 'a'] },
      });
    }
    await admin.query(
      `insert into notification.destinations (id, channel, name, since) values ($1, 'webhook', $1, now())`,
      [destination],
    );
    await this.seal('notification', 'notification.sealed_settings', {
      row: { destination_id: destination },
      place: { purpose: 'settings', ids: [destination] },
    });
  }

  /** One more attempt of the command, on a session of its own. */
  async change(options: Partial<KeyChangeOptions> = {}): Promise<KeyChange> {
    const client = new pg.Client({ connectionString: this.test.adminUrl });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await changeMasterKey({
        keyFile: this.keyFile,
        client,
        adopt: () => Promise.resolve(),
        handOut: () => Promise.resolve(),
        onProgress: () => undefined,
        signal: new AbortController().signal,
        ...options,
      });
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Every value with the key that its row names, of those on disk; throws when one of them opens with none. */
  async openWithKeysOnDisk(): Promise<string[]> {
    const { current, next, kept } = await new KeyFiles(this.keyFile).look();
    const keys = [current, next, ...kept.map(({ key }) => key)].filter((key): key is MasterKey => key !== null);
    const values: string[] = [];
    for (const { service, table, row, place } of this.kept) {
      const names = Object.keys(row);
      const { rows } = await this.admin.query<SealedValue>(
        `select ${SEALED} from ${table} where ${names.map((name, nth) => `${name} = $${nth + 1}`).join(' and ')}`,
        Object.values(row),
      );
      const key = keys.find(({ id }) => id === rows[0]!.keyId);
      if (key === undefined) throw new Error(`${place.purpose} is sealed with a key that is not on disk`);
      values.push(unwrapSecret(new Sealer(key.serviceKey(service)).unseal(place, rows[0]!)));
    }
    return values;
  }

  get values(): string[] {
    return this.kept.map(({ value }) => value);
  }

  async close(): Promise<void> {
    await this.admin.end();
    await this.test.drop();
    rmSync(this.folder, { recursive: true });
  }

  private async seal(service: string, table: string, { row, place }: Pick<Kept, 'row' | 'place'>): Promise<void> {
    const value = `secret of ${place.ids.join('/')}`;
    const sealed = new Sealer(this.first.serviceKey(service)).seal(place, new Secret(value));
    const columns: Record<string, unknown> = {
      ...row,
      ...(table === 'rotation.sealed_values' && { sealed_at: new Date() }),
      key_id: sealed.keyId,
      algorithm: sealed.algorithm,
      wrap_nonce: Buffer.from(sealed.wrapNonce),
      wrapped_key: Buffer.from(sealed.wrappedKey),
      wrap_tag: Buffer.from(sealed.wrapTag),
      nonce: Buffer.from(sealed.nonce),
      ciphertext: Buffer.from(sealed.ciphertext),
      tag: Buffer.from(sealed.tag),
    };
    const names = Object.keys(columns);
    await this.admin.query(
      `insert into ${table} (${names.join(', ')}) values (${names.map((_, nth) => `$${nth + 1}`).join(', ')})`,
      Object.values(columns),
    );
    this.kept.push({ service, table, row, place, value });
  }
}
