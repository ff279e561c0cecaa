import { execute, query, raw, sql, type Sql, type SqlExecutor } from '@dsops/database';
import { hasCome } from './has-come.js';

/** A table whose rows are work that becomes due. Names are those of its columns; the key is one text. */
export interface DueTable {
  readonly table: string;
  readonly key: string;
  /** `timestamptz`, null while nothing but a hint of its own kind lets the row go on. */
  readonly due: string;
  /** `timestamptz`, null while nobody holds the row. */
  readonly lease: string;
  /** `bigint`, 0 at first. */
  readonly fence: string;
  /** Which rows can be due at all. The index that finds them has the same condition. */
  readonly open: Sql;
  /** No lease is ever given for longer: one that is was given before the database's clock was set back. */
  readonly longestLeaseMs: number;
}

/** The right to one row, until the lease runs out. Whoever claims the row after that has a higher fence. */
export interface Held {
  readonly key: string;
  readonly fence: bigint;
}

/** When a row that is given back is due again. `at: null`: not before somebody sets it. */
export type Wait = { readonly at: Date | null } | { readonly afterMs: number };

const inMs = (ms: number): Sql => sql`clock_timestamp() + ${ms}::float8 * interval '1 millisecond'`;

/**
 * Work as rows of a table, for any number of workers in any number of processes. All times are the database's.
 *
 *                                     ┌────── the lease runs out ──────┐
 *                                     ▼                                │
 *   resting ── set due ──▶ waiting ── its time, or a hint ──▶ due ── claim: fence + 1 ──▶ held ── settled ──▶ not open
 *      ▲                      ▲                                                             │
 *      └── release, at null ──┴───────────── release, later, or put off after a fault ──────┘
 *
 *   resting   `due` is null. Only who knows what it rests for makes it due.
 *   waiting   `due` lies ahead. It becomes due by itself, or by a hint that what it waits for has come.
 *   due       `due` has come, and no lease stands in the way. Whoever claims first has it; the longest due comes first.
 *   held      `lease` lies ahead. The holder works outside of any transaction, and writes what came of it.
 *   not open  `open` does not hold any more. Nothing here touches it again.
 *
 * A worker that dies lets go by its lease. One that was only slow, and wakes when somebody else has the row, must not
 * write any more: that is what the fence is for. It rises with every claim, and stands in every statement by which a
 * holder writes, here and in the statements of the holder's own. A lease alone would not do: between looking at it and
 * writing, any time can pass.
 *
 * A hint for a row that is held is overwritten when its holder releases it. So a holder decides how long a row waits in
 * the transaction that releases it, with the row locked before it looks: a hint comes either before that look, or after
 * the release.
 *
 * Nobody has to be told that a row is due. Workers look now and then, and a bell that is rung after the commit makes
 * them look at once ({@link DueWorker}).
 */
export class DueRows {
  private readonly names: Readonly<Record<'table' | 'key' | 'due' | 'lease' | 'fence', Sql>>;
  private readonly isFree: Sql;

  constructor(private readonly of: DueTable) {
    const { table, key, due, lease, fence, longestLeaseMs } = of;
    this.names = { table: raw(table), key: raw(key), due: raw(due), lease: raw(lease), fence: raw(fence) };
    this.isFree = sql`(${this.names.lease} is null or ${hasCome(lease, longestLeaseMs)})`;
  }

  /**
   * The row that has been due for longest and that nobody holds.
   * @param only which of the open rows this worker can take
   * @param also further columns of the row, see `columns`
   * @returns null when there is none
   */
  async claim<Also extends object>(
    on: SqlExecutor,
    leaseMs: number,
    only: Sql,
    also: Sql,
  ): Promise<(Held & Also) | null> {
    const { table, key, due, lease, fence } = this.names;
    const [row] = await query<Held & Also>(
      on,
      sql`update ${table} set ${fence} = ${fence} + 1, ${lease} = ${inMs(leaseMs)}
           where ${key} = (
                   select ${key} from ${table}
                    where ${this.of.open} and ${only} and ${due} <= clock_timestamp() and ${this.isFree}
                    order by ${due} for update skip locked limit 1)
          returning ${key} as key, ${fence} as fence, ${also}`,
    );
    return row ?? null;
  }

  /**
   * Gives the row back until then.
   * @returns false when somebody else holds it by now, or it is not open any more; then nothing was written
   */
  async release(on: SqlExecutor, held: Held, wait: Wait): Promise<boolean> {
    const { table, key, due, lease, fence } = this.names;
    const dueAt = 'afterMs' in wait ? inMs(wait.afterMs) : sql`${wait.at}::timestamptz`;
    const released = await execute(
      on,
      sql`update ${table} set ${lease} = null, ${due} = ${dueAt}
           where ${key} = ${held.key} and ${fence} = ${held.fence} and ${this.of.open}`,
    );
    return released === 1;
  }

  /**
   * What these rows may be waiting for has come: they are due now. One that rests is left alone.
   * @returns how many waited
   */
  async hint(on: SqlExecutor, which: Sql): Promise<number> {
    const { table, due } = this.names;
    return execute(
      on,
      sql`update ${table} set ${due} = clock_timestamp() where ${which} and ${this.of.open} and ${due} is not null`,
    );
  }

  /**
   * At the start of the only process there is: the leases of the one before it are nobody's. Between living workers it
   * would be rude, and no more than that, because of the fence.
   * @returns how many there were
   */
  async dropLeases(on: SqlExecutor): Promise<number> {
    const { table, lease } = this.names;
    return execute(on, sql`update ${table} set ${lease} = null where ${this.of.open} and ${lease} is not null`);
  }
}
