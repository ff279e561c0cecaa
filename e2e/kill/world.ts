import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type pg from 'pg';
import type { AddService } from '@dsops/contracts/rotation/add-service';
import type { Strategy } from '@dsops/contracts/rotation/strategies';
import { migrate, openPool } from '@dsops/database';
import { Secret } from '@dsops/kernel';
import { keyPaths } from '@dsops/rotation';
import { openKeyFile } from '@dsops/sealing';
import { startFaultProxy, type FaultProxy } from '@dsops/testing';
import { CLOCK_AHEAD_MS } from './clock.js';
import type { EventListener, SaidEvent } from './event-listener.js';
import type { CellHome, SidecarHome } from './protocol.js';
import { DurablePostgres } from '../harness/durable-postgres.js';
import { Tap } from './tap.js';
import type { Breach } from './sight.js';
import type { Address } from './target-reader.js';

const TEMPLATE = 'dsops_template';
const SHOP = 'shop';
const newPassword = () => randomBytes(24).toString('base64url');

/** What a cell has for itself: a database, a folder with key and mark, roles at the target, and a first value. */
export interface CellWorld {
  readonly home: CellHome;
  readonly keyFile: string;
  readonly slots: readonly string[];
  /** What is asked of dsops: take over the login that is in use. */
  readonly service: AddService;
  /** The target for applications, and both servers for the oracle, as superuser. */
  readonly target: Address;
  readonly targetUrl: string;
  readonly ourUrl: string;
  /** Between the service and its target. */
  readonly proxy: FaultProxy;
  /** Both crash, and are back when it resolves. */
  restartTarget(): Promise<void>;
  restartDatabase(): Promise<void>;
  /** What our database tells the service of the time goes ahead by {@link CLOCK_AHEAD_MS}. */
  setClockAhead(): Promise<void>;
  /** What became of the events that the records say were told; nothing where nobody listens. */
  judgeEvents(): Promise<Breach[]>;
  /** Gives database and folder back. */
  drop(): Promise<void>;
}

export interface CellNeeds {
  readonly strategy: Strategy;
  readonly graceMs: number;
  /** The verification that a service is added with, seen from what stands at the target. */
  readonly verification: (names: TargetNames) => string;
}

export interface TargetNames {
  readonly admin: string;
  readonly owner: string;
  readonly slots: readonly string[];
}

/** Two servers that stay up for the whole run, one cell after the other: ours with durable settings, and a target. */
export class World {
  private constructor(
    readonly folder: string,
    private readonly password: string,
    private readonly ours: DurablePostgres,
    private readonly target: DurablePostgres,
    private readonly ourAdmin: pg.Pool,
    private readonly targetAdmin: pg.Pool,
    private readonly events: EventListener | null,
    private readonly sidecar: SidecarHome | null,
  ) {}

  /** @param events where events go: nowhere when there is none */
  static async start(events: EventListener | null): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'dsops-kill-'));
    chmodSync(folder, 0o711); // as root the servers run under an account of their own
    const password = newPassword();
    const start = (name: string) => DurablePostgres.start(join(folder, name), new Secret(password));
    const [ours, target] = await Promise.all([start('ours'), start('target')]);
    const ourAdmin = poolOf(ours.url());
    await ourAdmin.query(`create database ${TEMPLATE}`);
    await migrate({ adminUrl: ours.url(TEMPLATE), passwordOf: () => new Secret(password) });
    const targetAdmin = poolOf(target.url());
    await targetAdmin.query(`create database ${SHOP}`);
    await targetAdmin.end();
    const sidecar = (await events?.sidecar(basename(folder))) ?? null;
    return new World(folder, password, ours, target, ourAdmin, poolOf(target.url(SHOP)), events, sidecar);
  }

  async stop(): Promise<void> {
    await Promise.all([this.ourAdmin.end(), this.targetAdmin.end()]);
    await Promise.all([this.ours.stop(), this.target.stop()]);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** Everything that a cell needs before a service is added. `name` becomes part of names of databases and roles. */
  async prepare(name: string, needs: CellNeeds): Promise<CellWorld> {
    const database = `cell_${name}`;
    const folder = join(this.folder, name);
    const { keyFile } = keyPaths(folder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await openKeyFile({ path: keyFile, database: 'new' });
    await this.ourAdmin.query(`create database ${database} template ${TEMPLATE} strategy wal_log`);

    const slots = needs.strategy === 'two-key' ? [`${name}_a`, `${name}_b`] : [`${name}_a`];
    const names: TargetNames = { admin: `${name}_admin`, owner: `${name}_owner`, slots };
    const admin = newPassword();
    const first = newPassword();
    const tapFile = join(folder, 'tap.jsonl');
    const tap = new Tap(tapFile);
    tap.write({ kind: 'value', value: first, origin: 'imported' });
    tap.close();
    for (const statement of setUp(names, admin, first)) await this.targetAdmin.query(statement);

    const cellAdmin = poolOf(this.ours.url(database));
    await cellAdmin.query(CLOCK);
    const target: Address = { host: '127.0.0.1', port: this.target.port, database: SHOP };
    const proxy = await startFaultProxy(target);
    return {
      home: {
        database: { host: '127.0.0.1', port: this.ours.port, database, password: this.password },
        folder,
        tapFile,
        sidecar: this.sidecar,
      },
      keyFile,
      slots,
      service: {
        name,
        environment: 'production',
        type: 'postgresql',
        target: { ...target, port: proxy.port, sslMode: 'disable' },
        admin: { username: names.admin, password: admin },
        credential: {
          name: 'login',
          strategy: needs.strategy,
          slots,
          ...(slots.length > 1 && { owner: names.owner }),
          gracePeriod: `${needs.graceMs}ms`,
          verification: { query: needs.verification(names), timeout: '10s' },
          rollback: { automatic: true },
        },
        current: { username: slots[0]!, password: first },
      },
      target,
      targetUrl: this.target.url(SHOP),
      ourUrl: this.ours.url(database),
      proxy,
      restartTarget: () => this.target.crash(),
      restartDatabase: () => this.ours.crash(),
      setClockAhead: async () => {
        await cellAdmin.query(`update clock.setting set ahead = interval '${CLOCK_AHEAD_MS} ms'`);
      },
      judgeEvents: async () => {
        if (this.events === null) return [];
        const { rows } = await cellAdmin.query<SaidEvent>(
          'select key, sequence::int as sequence, id from rotation.outbox order by position',
        );
        return this.events.judge(rows);
      },
      drop: async () => {
        await proxy.close();
        await cellAdmin.end();
        await this.ourAdmin.query(`drop database ${database} with (force)`);
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }
}

/** The service finds these before those of the server; everybody else's clock stays what it is. */
const CLOCK = `
  create schema clock;
  create table clock.setting as select interval '0' as ahead;
  create function clock.clock_timestamp() returns timestamptz language sql volatile
    as 'select pg_catalog.clock_timestamp() + ahead from clock.setting';
  create function clock.now() returns timestamptz language sql stable
    as 'select pg_catalog.now() + ahead from clock.setting';
  grant usage on schema clock to public;
  grant select on clock.setting to public;
  do $$ begin
    execute format('alter role dsops_rotation in database %I set search_path = clock, pg_catalog, rotation', current_database());
  end $$;`;

/** As docs/targets/postgresql.md asks for it, and a first value in the first slot. */
function setUp({ admin, owner, slots }: TargetNames, adminPassword: string, firstValue: string): string[] {
  return [
    `create role ${admin} login createrole password '${adminPassword}'`,
    `create role ${owner} nologin`,
    ...slots.flatMap((slot) => [
      `create role ${slot} nologin`,
      `grant ${owner} to ${slot} with inherit true, set true`,
      ...(slots.length > 1 ? [`alter role ${slot} set role = '${owner}'`] : []),
      `grant ${slot} to ${admin} with admin true, inherit true, set false`,
    ]),
    `alter role ${slots[0]} login password '${firstValue}'`,
    VERIFY_TWICE(slots),
  ];
}

/**
 * A verification that the second value in a slot fails, and the first and third do not: one that is set back has a new
 * salt. Which values it has met it keeps in two sequences, because those outlive the transaction that fails.
 */
const VERIFY_TWICE = (slots: readonly string[]): string => {
  const name = `${slots[0]}_verify`;
  const isUnset = (sequence: string) => `not (select is_called from ${name}_${sequence})`;
  return `
    create sequence ${name}_first;
    create sequence ${name}_second;
    create function ${name}() returns int language plpgsql security definer as $$
    declare met bigint := (select hashtext(rolpassword)::bigint + 2147483649 from pg_authid where rolname = session_user);
    begin
      if ${isUnset('first')} then perform setval('${name}_first', met);
      elsif met <> (select last_value from ${name}_first) and ${isUnset('second')} then perform setval('${name}_second', met);
      end if;
      return 1 / (case when met = (select last_value from ${name}_second) and (select is_called from ${name}_second) then 0 else 1 end);
    end $$;`;
};

const poolOf = (connectionString: string): pg.Pool => openPool({ connectionString, max: 3 });
