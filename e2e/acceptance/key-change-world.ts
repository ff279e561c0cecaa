import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { SEALED_TABLES, startPostgres } from '@dsops/database';
import { newId, Secret, unwrapSecret } from '@dsops/kernel';
import { DATABASE_SUPERUSER, KeyFiles, Sealer, type MasterKey, type SealedValue } from '@dsops/sealing';
import { eventually } from '@dsops/testing';
import type { HomeFolder } from '../harness/home-folder.js';
import { Program, type Ended } from '../harness/program.js';
import { WORKSPACE } from '../harness/workspace.js';

const PROGRAM = join(WORKSPACE, 'apps', 'standalone', 'dist', 'rotate-master.main.js');

/** Where the change can be held, from outside: by triggers in the database that it changes. */
export const POINTS = {
  'before it is said that it has begun':
    'before update on rotation.installation for each row when (old.next_key_id is null and new.next_key_id is not null)',
  'in the first batch': 'before update on notification.sealed_settings for each row',
  'in the second batch': 'before update on rotation.sealed_values for each row',
  'before the new key is the only one':
    'before update on rotation.installation for each row when (old.next_key_id is not null and new.next_key_id is null)',
} as const;
export type Point = keyof typeof POINTS;

/** The command on the folder of an installation that is stopped, and what lies in that folder. */
export class KeyChangeWorld {
  readonly programs: Program[] = [];
  /** Every key that was ever on disk, by its id. */
  readonly keys = new Map<string, MasterKey>();

  constructor(private readonly home: HomeFolder) {}

  begin(): Program {
    const program = new Program('dsops keys rotate-master', PROGRAM, [], { env: { DSOPS_HOME: this.home.folder } });
    this.programs.push(program);
    return program;
  }

  run(): Promise<Ended> {
    return this.begin().ended;
  }

  async found() {
    const found = await new KeyFiles(this.home.keyFile).look();
    for (const key of [found.current, found.next, ...found.kept.map((one) => one.key)])
      if (key !== null) this.keys.set(key.id, key);
    return found;
  }

  /** Starts the installation's PostgreSQL, with whichever key fits. */
  async withDatabase<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
    await this.found();
    const [some] = this.keys.values();
    const server = await startPostgres({
      dataDir: this.home.dataFolder,
      password: some!.password(DATABASE_SUPERUSER),
    });
    try {
      const client = await this.connect();
      try {
        return await use(client);
      } finally {
        await client.end();
      }
    } finally {
      await server.stop();
    }
  }

  /** A session of the superuser, on the server that runs. */
  async connect(): Promise<pg.Client> {
    const port = Number(readFileSync(join(this.home.dataFolder, 'dsops.port'), 'utf8'));
    let last: unknown;
    for (const key of this.keys.values()) {
      const password = unwrapSecret(key.password(DATABASE_SUPERUSER));
      const client = new pg.Client({ host: '127.0.0.1', port, database: 'dsops', user: 'postgres', password });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return client;
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  /** Settings of a destination, sealed by the notification service. */
  async addSettings(value: string): Promise<void> {
    const { current } = await this.found();
    const id = newId();
    const sealed = new Sealer(current!.serviceKey('notification')).seal(
      { purpose: 'settings', ids: [id] },
      new Secret(value),
    );
    const bytes = (['wrapNonce', 'wrappedKey', 'wrapTag', 'nonce', 'ciphertext', 'tag'] as const).map((part) =>
      Buffer.from(sealed[part]),
    );
    await this.withDatabase(async (client) => {
      await client.query(
        "insert into notification.destinations (id, channel, name, since) values ($1, 'webhook', $1, now())",
        [id],
      );
      await client.query('insert into notification.sealed_settings values ($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
        id,
        sealed.keyId,
        sealed.algorithm,
        ...bytes,
      ]);
    });
  }

  /** Every value of every service, opened with the key that its row names, of those on disk. */
  async values(client: pg.Client): Promise<string[]> {
    const { current, next, kept } = await this.found();
    const onDisk = [current, next, ...kept.map(({ key }) => key)];
    const values: string[] = [];
    for (const { service, table, purpose, ids } of SEALED_TABLES) {
      const places = Object.entries(ids).map(([name, sql]) => `when '${name}' then ${sql}`);
      const { rows } = await client.query<SealedValue & { purpose: string; ids: string[] }>(
        `select ${purpose} as purpose, case ${purpose} ${places.join(' ')} end as ids, key_id as "keyId", algorithm,
           wrap_nonce as "wrapNonce", wrapped_key as "wrappedKey", wrap_tag as "wrapTag", nonce, ciphertext, tag
           from ${table} s order by 1, 2`,
      );
      for (const row of rows) {
        const key = onDisk.find((one) => one?.id === row.keyId);
        if (!key) throw new Error(`A value of ${service} is sealed with ${row.keyId}, which is not on disk.`);
        values.push(unwrapSecret(new Sealer(key.serviceKey(service)).unseal(row, row)));
      }
    }
    return values;
  }

  /** Until {@link removePoints} the change stands still at the point that was last said. */
  async makePoints(): Promise<void> {
    await this.withDatabase(async (client) => {
      await client.query(`create schema fault; create table fault.held (at text)`);
      await client.query(`create function fault.hold() returns trigger language plpgsql as $$ begin
        while exists (select from fault.held where at = tg_argv[0]) loop perform pg_sleep(0.02); end loop;
        return new;
      end $$`);
      for (const [nth, [point, event]] of Object.entries(POINTS).entries()) {
        await client.query(`create trigger fault_${nth} ${event} execute function fault.hold('${point}')`);
      }
    });
  }

  async removePoints(): Promise<void> {
    await this.withDatabase((client) => client.query('drop schema fault cascade'));
  }

  async holdAt(point: Point | null): Promise<void> {
    await this.withDatabase(async (client) => {
      await client.query('delete from fault.held');
      if (point !== null) await client.query('insert into fault.held values ($1)', [point]);
    });
  }

  /** Runs the command until it stands still at the point that was said. */
  async untilHeld(): Promise<{ program: Program; client: pg.Client }> {
    const program = this.begin();
    const client = await eventually(async () => {
      if (!program.isRunning) throw new Error(`It ended: ${program.stdout}${program.stderr}`);
      const connected = await this.connect();
      const { rowCount } = await connected.query("select from pg_stat_activity where wait_event = 'PgSleep'");
      if (rowCount === 1) return connected;
      await connected.end();
      throw new Error('It is not there yet.');
    }, 30_000);
    return { program, client };
  }
}
