import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type pg from 'pg';
import type { AddServiceRequest } from '@dsops/contracts/rotation/add-service';
import type { Shape, Strategy } from '@dsops/contracts/rotation/strategies';
import type { TargetKind } from '@dsops/contracts/rotation/targets/declarations';
import type { Slot } from '@dsops/contracts/rotation/targets/define-target';
import { migrate, openPool } from '@dsops/database';
import { worldOf, type Tenant, type World as TargetWorld } from '@dsops/drivers/kit/world';
import { Secret, unwrapSecret } from '@dsops/kernel';
import { keyPaths } from '@dsops/rotation';
import { openKeyFile } from '@dsops/sealing';
import { startFaultProxy, type FaultProxy } from '@dsops/testing';
import { DurablePostgres } from '../harness/durable-postgres.js';
import { CLOCK_AHEAD_MS } from './clock.js';
import type { EventListener, SaidEvent } from './event-listener.js';
import type { Observed } from './observed-target.js';
import type { CellHome, SidecarHome } from './protocol.js';
import { Tap } from './tap.js';
import type { Breach } from './sight.js';

const TEMPLATE = 'dsops_template';
const newPassword = () => randomBytes(24).toString('base64url');

/** What a cell has for itself: a database, a folder with key and mark, a tenant of the target, and a first value. */
export interface CellWorld {
  readonly home: CellHome;
  readonly keyFile: string;
  /** Those that the rotation touches. */
  readonly slots: readonly Slot[];
  /** What is asked of dsops: take over the login that is in use. */
  readonly service: AddServiceRequest;
  /** The target past the proxy, for applications and for the oracle. */
  readonly observed: Observed;
  /** Of the superuser of our database. */
  readonly ourUrl: string;
  /** Between the service and its target. */
  readonly proxy: FaultProxy;
  /** By which the proxy tells a command that changes the target. */
  readonly commandMark: string;
  /** Both crash, and are back when it resolves. */
  restartTarget(): Promise<void>;
  restartDatabase(): Promise<void>;
  /** What our database tells the service of the time goes ahead by {@link CLOCK_AHEAD_MS}. */
  setClockAhead(): Promise<void>;
  /** What became of the events that the records say were told; nothing where nobody listens. */
  judgeEvents(): Promise<Breach[]>;
  /** Gives database, tenant and folder back. */
  drop(): Promise<void>;
}

export interface CellNeeds {
  readonly strategy: Strategy;
  readonly shape: Shape;
  readonly graceMs: number;
  /** The verification that a service is added with. */
  readonly check: keyof Tenant['checks'];
}

/** What is rotated, and where events go. */
export interface WorldOptions {
  /** The kind of target. */
  readonly kind: TargetKind;
  /** How its tenants have their slots, one of its world's layouts; null: the first of them. */
  readonly layout: string | null;
  /** Null: nowhere. */
  readonly events: EventListener | null;
}

/** Two servers that stay up for the whole run, one cell after the other: ours, and a target; both durable. */
export class World {
  private constructor(
    readonly folder: string,
    private readonly password: string,
    private readonly ours: DurablePostgres,
    private readonly ourAdmin: pg.Pool,
    private readonly target: TargetWorld,
    private readonly sidecar: SidecarHome | null,
    private readonly options: WorldOptions,
  ) {}

  static async start(options: WorldOptions): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'dsops-kill-'));
    chmodSync(folder, 0o711); // as root the server runs under an account of its own
    const password = newPassword();
    const { startWorld } = await worldOf(options.kind);
    const [ours, target] = await Promise.all([
      DurablePostgres.start(join(folder, 'ours'), new Secret(password)),
      startWorld({ isDurable: true }),
    ]);
    const { layout } = options;
    if (layout !== null && !target.layouts.includes(layout)) {
      await Promise.all([ours.stop(), target.stop()]);
      throw new RangeError(`${options.kind} has no layout "${layout}". Layouts: ${target.layouts.join(', ')}.`);
    }
    const ourAdmin = poolOf(ours.url());
    await ourAdmin.query(`create database ${TEMPLATE}`);
    await migrate({ adminUrl: ours.url(TEMPLATE), passwordOf: () => new Secret(password) });
    const sidecar = (await options.events?.sidecar(basename(folder))) ?? null;
    return new World(folder, password, ours, ourAdmin, target, sidecar, options);
  }

  /** Which of these its target can play: not every kind has a verification that only a second value fails. */
  async playable<Needs extends CellNeeds>(scenarios: readonly Needs[]): Promise<Needs[]> {
    const tenant = await this.tenant('preview');
    const playable = scenarios.filter(({ check }) => tenant.checks[check] !== null);
    await tenant.remove();
    return playable;
  }

  async stop(): Promise<void> {
    await this.ourAdmin.end();
    await Promise.all([this.ours.stop(), this.target.stop()]);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** Everything that a cell needs before a service is added. `name` becomes part of names of databases and roles. */
  async prepare(name: string, needs: CellNeeds): Promise<CellWorld> {
    const { kind } = this.options;
    const database = `cell_${name}`;
    const folder = join(this.folder, name);
    const { keyFile } = keyPaths(folder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await openKeyFile({ path: keyFile, database: 'new' });
    await this.ourAdmin.query(`create database ${database} template ${TEMPLATE} strategy wal_log`);

    const tenant = await this.tenant(name);
    const [slot] = tenant.slots;
    const first = newPassword();
    const tapFile = join(folder, 'tap.jsonl');
    const tap = new Tap(tapFile);
    tap.write({ kind: 'value', value: first, origin: 'imported' });
    tap.close();
    await tenant.set(slot, new Secret(first));

    const cellAdmin = poolOf(this.ours.url(database));
    await cellAdmin.query(CLOCK);
    const proxy = await startFaultProxy(this.target.address);
    return {
      home: {
        database: { host: '127.0.0.1', port: this.ours.port, database, password: this.password },
        kind,
        folder,
        tapFile,
        sidecar: this.sidecar,
      },
      keyFile,
      slots: needs.shape === 'in-place' ? [slot] : tenant.slots,
      service: {
        name,
        environment: 'production',
        type: kind,
        target: tenant.targetAt(proxy),
        ...(tenant.admin && {
          admin: { username: tenant.admin.username, password: unwrapSecret(tenant.admin.password) },
        }),
        credential: {
          name: 'login',
          strategy: needs.strategy,
          consumers: 'managed',
          ...tenant.settingsFor(needs.shape),
          gracePeriod: `${needs.graceMs}ms`,
          verification: { ...tenant.checks[needs.check], timeout: '10s' },
          rollback: { automatic: true },
        },
        current: { username: slot.login, password: first },
      },
      observed: { kind, place: tenant.observedAt },
      ourUrl: this.ours.url(database),
      proxy,
      commandMark: this.target.commandMark,
      restartTarget: () => this.target.crash(),
      restartDatabase: () => this.ours.crash(),
      setClockAhead: async () => {
        await cellAdmin.query(`update clock.setting set ahead = interval '${CLOCK_AHEAD_MS} ms'`);
      },
      judgeEvents: async () => {
        if (this.options.events === null) return [];
        const { rows } = await cellAdmin.query<SaidEvent>(
          'select key, sequence::int as sequence, id from rotation.outbox order by position',
        );
        return this.options.events.judge(rows);
      },
      drop: async () => {
        await proxy.close();
        await tenant.remove();
        await cellAdmin.end();
        await this.ourAdmin.query(`drop database ${database} with (force)`);
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }

  private tenant(name: string): Promise<Tenant> {
    return this.target.tenant(name, this.options.layout ?? this.target.layouts[0]);
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

const poolOf = (connectionString: string): pg.Pool => openPool({ connectionString, max: 3 });
