import { DueRows } from '@dsops/background';
import { actorSchema, type Actor } from '@dsops/contracts/principal';
import { rotationStateSchema, type RotationState } from '@dsops/contracts/rotation/states';
import { strategySchema, type Strategy } from '@dsops/contracts/rotation/strategies';
import { columns, execute, query, sql } from '@dsops/database';
import type { Prisma } from '@dsops/database/rotation';
import type { Tx } from '../database/tx.js';
import { fold } from '../engine/fold.js';
import type { Sighting } from '../engine/consumers.js';
import type { Entry, Happening, RotationError } from '../engine/journal.js';
import { ENGINE_VERSION } from '../engine/plan.js';
import { OLDEST_ENGINE_VERSION, upgraded, type StoredEntry } from '../engine/upgrade.js';
import { begin, stateOf, type Rotation } from '../engine/rotation.js';

/** A rotation's row: what lists and workers look for. What the rotation is follows from its journal. */
export interface RotationRow {
  readonly id: string;
  readonly serviceId: string;
  readonly credentialId: string;
  readonly strategy: Strategy;
  readonly trigger: 'manual' | 'schedule';
  readonly requestedBy: Actor;
  readonly reason: string | null;
  readonly isQueued: boolean;
  readonly state: RotationState;
  readonly isSettled: boolean;
  readonly seq: number;
  readonly fence: bigint;
  readonly wakeAt: Date | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  /** Why it ended without ever having begun. */
  readonly refusal: RotationError | null;
  /** Who was last seen to use the value that it waits to end. */
  readonly sighting: Sighting | null;
}

/** A row with the fold of its journal; null while it is queued, or when it never began. */
export interface LoadedRotation {
  readonly row: RotationRow;
  readonly rotation: Rotation | null;
}

export interface Lease {
  readonly rotationId: string;
  readonly fence: bigint;
  /** Of the request that asked for the rotation. */
  readonly traceparent: string | null;
}

/** What becomes of a lease: it covers the next effect, it is given back until then (null: until somebody asks), or stays. */
export type Hold =
  | { readonly kind: 'extended'; readonly leaseMs: number }
  | { readonly kind: 'released'; readonly wakeAt: Date | null }
  /** What a person asks for is looked at now, whatever the rotation was waiting for. */
  | { readonly kind: 'woken'; readonly at: Date }
  | { readonly kind: 'as-it-is' };

interface Appending {
  readonly id: string;
  readonly fromSeq: number;
  readonly entries: readonly Entry[];
  readonly after: Rotation;
  readonly fence: bigint | null;
}

interface HoldColumns {
  readonly hasWakeAt: boolean;
  readonly wakeAt: Date | null;
  readonly hasLease: boolean;
  /** Null: no lease. */
  readonly leaseMs: number | null;
}

/** A settled rotation is nobody's and waits for nothing. */
const RESTS: HoldColumns = { hasWakeAt: true, wakeAt: null, hasLease: true, leaseMs: null };

function holdColumns(hold: Hold): HoldColumns {
  const asItIs: HoldColumns = { hasWakeAt: false, wakeAt: null, hasLease: false, leaseMs: null };
  switch (hold.kind) {
    case 'extended':
      return { ...asItIs, hasLease: true, leaseMs: hold.leaseMs };
    case 'released':
      return { hasWakeAt: true, wakeAt: hold.wakeAt, hasLease: true, leaseMs: null };
    case 'woken':
      return { ...asItIs, hasWakeAt: true, wakeAt: hold.at };
    case 'as-it-is':
      return asItIs;
  }
}

export interface RotationFilter {
  readonly environment?: string | undefined;
  readonly service?: string | undefined;
  readonly state?: RotationState | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** Open rotations as work that becomes due. Turns hold and give back in the statement of their entries, see `append`. */
const DUE = new DueRows({
  ...{ table: 'rotations', key: 'id', due: 'wake_at', lease: 'lease_until', fence: 'fence' },
  open: sql`not is_settled and not is_queued`,
  longestLeaseMs: 600_000,
});

/** Rotations and their journals. The only file of the engine that touches the database. */
export class RotationRepository {
  /** @param traceparent of the request that asks for it: what is done for it joins that trace */
  async insert(tx: Tx, row: RotationRow, traceparent: string | null): Promise<void> {
    const { requestedBy, refusal, sighting: _, ...facts } = row;
    await tx.rotation.create({
      data: {
        ...facts,
        traceparent,
        engineVersion: ENGINE_VERSION,
        requestedBy: { ...requestedBy },
        ...(refusal && { refusal: { ...refusal } }),
      },
    });
  }

  /** The first entry. From now on the rotation is open, and the only one of its credential. */
  async begin(tx: Tx, row: RotationRow, happening: Happening, atMs: number): Promise<Rotation> {
    const entry: Entry = { seq: 1, atMs, ...happening };
    const rotation = begin(entry);
    const at = new Date(atMs);
    await execute(
      tx,
      sql`with begun as (
            update rotations set engine_version = ${ENGINE_VERSION}, is_queued = false, seq = ${entry.seq}, state = ${stateOf(rotation)},
              wake_at = ${at}, started_at = ${at}
            where id = ${row.id} returning id)
          insert into rotation_journal (rotation_id, seq, at, kind, entry)
          select begun.id, ${entry.seq}::int, ${at}::timestamptz, ${entry.kind}, ${JSON.stringify(entry)}::jsonb
            from begun`,
    );
    return rotation;
  }

  /**
   * Entries one after the other, in the transaction of what they tell, in one statement. From then on the rotation is
   * of this version of the engine: an earlier one, which may still run beside it, does not know what was written.
   * @returns false, and nothing was written, when somebody else has written since `fromSeq`, or holds the lease now.
   */
  async append(tx: Tx, { id, fromSeq, entries, after, fence }: Appending, hold: Hold): Promise<boolean> {
    const endedAt = after.conclusion && new Date(after.conclusion.atMs);
    const rows = entries.map((entry) => ({ seq: entry.seq, at: new Date(entry.atMs), kind: entry.kind, entry }));
    const written = after.isSettled ? RESTS : holdColumns(hold);
    const count = await execute(
      tx,
      sql`with moved as (
        update rotations set engine_version = ${ENGINE_VERSION}, seq = ${after.seq}, state = ${stateOf(after)}, is_settled = ${after.isSettled},
          ended_at = coalesce(${endedAt}::timestamptz, ended_at),
          wake_at = case when ${written.hasWakeAt} then ${written.wakeAt}::timestamptz else wake_at end,
          lease_until = case when ${written.hasLease}
            then clock_timestamp() + make_interval(secs => ${written.leaseMs}::float8 / 1000) else lease_until end
        where id = ${id} and seq = ${fromSeq} and not is_settled and (${fence}::bigint is null or fence = ${fence}::bigint)
        returning id)
      insert into rotation_journal (rotation_id, seq, at, kind, entry)
      select moved.id, each.seq, each.at, each.kind, each.entry from moved
        cross join jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
          as each(seq int, at timestamptz, kind text, entry jsonb)`,
    );
    return count === entries.length;
  }

  /** What was seen at the last look; the caller has the row locked under its fence. */
  async keepSighting(tx: Tx, id: string, sighting: Sighting): Promise<void> {
    await execute(tx, sql`update rotations set sighting = ${JSON.stringify(sighting)}::jsonb where id = ${id}`);
  }

  /** Ends a queued rotation whose turn came in vain. */
  async refuse(tx: Tx, row: RotationRow, refusal: RotationError, at: Date): Promise<void> {
    await tx.rotation.update({
      where: { id: row.id },
      data: { isQueued: false, isSettled: true, state: 'failed', endedAt: at, refusal: { ...refusal } },
    });
  }

  /** The next rotation that is due and that nobody holds: the fence moves on, and a former holder writes no more. */
  async claim(tx: Tx, leaseMs: number): Promise<Lease | null> {
    const known = sql`engine_version between ${OLDEST_ENGINE_VERSION} and ${ENGINE_VERSION}`;
    const also = columns<Pick<Lease, 'traceparent'>>({ traceparent: 'traceparent' });
    const held = await DUE.claim<Pick<Lease, 'traceparent'>>(tx, leaseMs, known, also);
    return held && { rotationId: held.key, fence: held.fence, traceparent: held.traceparent };
  }

  /** Lets go of the rotation for so long. */
  async putOff(tx: Tx, { rotationId, fence }: Lease, afterMs: number): Promise<void> {
    await DUE.release(tx, { key: rotationId, fence }, { afterMs });
  }

  /** The open rotation of this credential looks now, whatever it waits for; not one that only a person lets go on. */
  async wake(tx: Tx, credentialId: string): Promise<void> {
    await DUE.hint(tx, sql`credential_id = ${credentialId}`);
  }

  /** At the start of the only process of an installation: the leases of the process before it are nobody's. */
  dropLeases(tx: Tx): Promise<number> {
    return DUE.dropLeases(tx);
  }

  /**
   * Locks the row to the end of the transaction: workers and requests meet here.
   * @param known its fold as the caller has it; the journal is read only when it has gone on since
   */
  async lock(tx: Tx, id: string, known: Rotation | null = null): Promise<LoadedRotation | null> {
    const [row] = await query<Row>(tx, sql`select ${COLUMNS} from rotations where id = ${id} for update`);
    if (row === undefined) return null;
    // Its journal only now: a statement that waited for the row sees the journal as it was before.
    return row.seq === known?.seq ? { row: rowOf(row), rotation: known } : this.find(tx, id);
  }

  async find(tx: Tx, id: string): Promise<LoadedRotation | null> {
    const row = await tx.rotation.findUnique({ where: { id }, include: { entries: { orderBy: { seq: 'asc' } } } });
    return row && loadedOf(row);
  }

  /**
   * The open rotation of a credential, its row locked. One that settles while this waits for its row opens the next in
   * the same transaction, which the statement that waited cannot see: then it looks again.
   */
  async lockOpen(tx: Tx, credentialId: string): Promise<LoadedRotation | null> {
    for (;;) {
      const [row] = await query<{ id: string }>(
        tx,
        sql`select id from rotations
             where credential_id = ${credentialId} and not is_settled and not is_queued for update`,
      );
      if (row) return this.find(tx, row.id);
      const open = { credentialId, isSettled: false, isQueued: false };
      if ((await tx.rotation.findFirst({ where: open, select: { id: true } })) === null) return null;
    }
  }

  async openOfService(tx: Tx, serviceId: string): Promise<{ id: string; state: RotationState } | null> {
    const row = await tx.rotation.findFirst({ where: { serviceId, isSettled: false }, orderBy: { id: 'asc' } });
    return row && { id: row.id, state: rotationStateSchema.parse(row.state) };
  }

  async openIds(tx: Tx): Promise<string[]> {
    const rows = await tx.rotation.findMany({
      where: { isSettled: false, isQueued: false },
      select: { id: true },
      orderBy: { id: 'asc' },
    });
    return rows.map(({ id }) => id);
  }

  /** The queue of a credential, first come first. */
  async queued(tx: Tx, credentialId: string): Promise<RotationRow[]> {
    const rows = await tx.rotation.findMany({ where: { credentialId, isQueued: true }, orderBy: { id: 'asc' } });
    return rows.map(rowOf);
  }

  /** The open rotation of each credential for which one of these is queued. */
  async openAheadOf(tx: Tx, rows: readonly RotationRow[]): Promise<ReadonlyMap<string, LoadedRotation>> {
    const credentialIds = [...new Set(rows.flatMap((row) => (row.isQueued ? [row.credentialId] : [])))];
    if (credentialIds.length === 0) return new Map();
    const open = await tx.rotation.findMany({
      where: { credentialId: { in: credentialIds }, isSettled: false, isQueued: false },
      include: { entries: { orderBy: { seq: 'asc' } } },
    });
    return new Map(open.map((each) => [each.credentialId, loadedOf(each)]));
  }

  /** Newest first. `before`: the id after which the former page ended. */
  async list(tx: Tx, filter: RotationFilter, limit: number, before?: string): Promise<LoadedRotation[]> {
    const { environment, service, state, since, until } = filter;
    const services = await tx.service.findMany({
      where: { ...(service && { name: service }), ...(environment && { environment: { name: environment } }) },
      select: { id: true },
    });
    const rows = await tx.rotation.findMany({
      where: {
        serviceId: { in: services.map(({ id }) => id) },
        ...(state && { state }),
        ...(before !== undefined && { id: { lt: before } }),
        startedAt: { ...(since && { gte: new Date(since) }), ...(until && { lte: new Date(until) }) },
      },
      include: { entries: { orderBy: { seq: 'asc' } } },
      orderBy: { id: 'desc' },
      take: limit,
    });
    return rows.map(loadedOf);
  }

  /** The one that began last. */
  async latest(tx: Tx, serviceId: string): Promise<LoadedRotation | null> {
    const row = await tx.rotation.findFirst({
      where: { serviceId, seq: { gt: 0 } },
      include: { entries: { orderBy: { seq: 'asc' } } },
      orderBy: { id: 'desc' },
    });
    return row && loadedOf(row);
  }

  /** The last rotation of the service that began, if it may have ended with an attempt unanswered; null otherwise. */
  async latestAbandoned(tx: Tx, serviceId: string): Promise<string | null> {
    const [latest] = await query<{ id: string; isAbandoned: boolean }>(
      tx,
      sql`select r.id, last.kind = 'settled' or last.entry -> 'error' ->> 'code' = 'abandoned' as "isAbandoned"
            from rotations r join rotation_journal last on last.rotation_id = r.id and last.seq = r.seq
           where r.service_id = ${serviceId} and r.is_settled order by r.id desc limit 1`,
    );
    return latest?.isAbandoned === true ? latest.id : null;
  }

  /** Names of the service and its environment, also of one that was removed. */
  async namesOf(tx: Tx, serviceIds: readonly string[]): Promise<ReadonlyMap<string, ServiceNames>> {
    const rows = await tx.service.findMany({
      where: { id: { in: [...new Set(serviceIds)] } },
      include: { environment: true, credentials: true },
    });
    return new Map(
      rows.map(({ id, name, environment, credentials }) => [
        id,
        { service: name, environment: environment.name, credential: credentials[0]?.name ?? '' },
      ]),
    );
  }
}

export interface ServiceNames {
  readonly service: string;
  readonly environment: string;
  readonly credential: string;
}

type Row = Omit<Prisma.RotationGetPayload<object>, 'engineVersion' | 'leaseUntil' | 'traceparent'>;

const COLUMNS = columns<Row>({
  id: 'id',
  serviceId: 'service_id',
  credentialId: 'credential_id',
  strategy: 'strategy',
  trigger: 'trigger',
  requestedBy: 'requested_by',
  reason: 'reason',
  isQueued: 'is_queued',
  state: 'state',
  isSettled: 'is_settled',
  seq: 'seq',
  fence: 'fence',
  wakeAt: 'wake_at',
  startedAt: 'started_at',
  endedAt: 'ended_at',
  refusal: 'refusal',
  sighting: 'sighting',
});

const rowOf = (row: Row): RotationRow => ({
  id: row.id,
  serviceId: row.serviceId,
  credentialId: row.credentialId,
  strategy: strategySchema.parse(row.strategy),
  trigger: row.trigger === 'schedule' ? 'schedule' : 'manual',
  requestedBy: actorSchema.parse(row.requestedBy),
  reason: row.reason,
  isQueued: row.isQueued,
  state: rotationStateSchema.parse(row.state),
  isSettled: row.isSettled,
  seq: row.seq,
  fence: row.fence,
  wakeAt: row.wakeAt,
  startedAt: row.startedAt,
  endedAt: row.endedAt,
  refusal: row.refusal as RotationError | null,
  sighting: row.sighting as Sighting | null,
});

// The journal is written by this file alone, from typed entries, and never rewritten.
const loadedOf = ({ entries, ...row }: Prisma.RotationGetPayload<{ include: { entries: true } }>): LoadedRotation => ({
  row: rowOf(row),
  rotation: entries.length === 0 ? null : fold(entries.map(({ entry }) => upgraded(entry as unknown as StoredEntry))),
});
