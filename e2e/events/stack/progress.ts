import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';

/** The last event of each key that had been said at some instant. */
export type Heads = readonly { readonly topic: string; readonly key: string; readonly head: string }[];

const LOOK_MS = 50;

/** Nothing went on for too long. */
export class Stalled extends Error {}

/** Looks from outside how far the consumers are. Our database may be away while it looks. */
export class Progress {
  constructor(
    private readonly admin: pg.Pool,
    private readonly consumers: readonly string[],
    private readonly patienceMs: number,
  ) {}

  /** Number of the last committed effect. */
  async lastEffect(): Promise<number> {
    const [row] = await this.rows<{ nth: string | null }>('select max(nth) as nth from notification.effects');
    return Number(row?.nth ?? 0);
  }

  async effectCount(): Promise<number> {
    const [row] = await this.rows<{ count: string }>('select count(*) as count from notification.effects');
    return Number(row!.count);
  }

  heads(): Promise<Heads> {
    return this.rows('select topic, key, head::text as head from rotation.sequence_counters');
  }

  /** Until an effect is committed after the given one. */
  untilEffectAfter(nth: number): Promise<void> {
    return this.until('no effect was applied', async () => (await this.lastEffect()) > nth);
  }

  /** Until everything that had been said then has had its effect. */
  untilApplied(heads: Heads): Promise<void> {
    return this.until('not everything was applied that had been said', async () => {
      const [row] = await this.rows<{ behind: number }>(
        `select count(*)::integer as behind from unnest($2::text[], $3::text[], $4::text[]::bigint[]) as h(topic, key, head)
          cross join unnest($1::text[]) as w(consumer)
           left join notification.consumer_cursors c on c.consumer = w.consumer and c.topic = h.topic and c.key = h.key
          where coalesce(c.sequence, 0) < h.head`,
        this.consumers,
        heads.map(({ topic }) => topic),
        heads.map(({ key }) => key),
        heads.map(({ head }) => head),
      );
      return row!.behind === 0;
    });
  }

  /** Until each of these processes has applied something. */
  untilAllApply(processes: readonly string[]): Promise<void> {
    return this.until('not every new replica has applied something', async () => {
      const rows = await this.rows(
        'select distinct process from notification.effects where process = any($1::text[])',
        processes,
      );
      return rows.length === processes.length;
    });
  }

  private async until(otherwise: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + this.patienceMs;
    while (!(await isSo())) {
      if (performance.now() > deadline) throw new Stalled(`For ${this.patienceMs / 1_000} s ${otherwise}.`);
      await pause(LOOK_MS);
    }
  }

  /** Asks until it is answered. */
  private async rows<Row>(query: string, ...values: unknown[]): Promise<Row[]> {
    const deadline = performance.now() + this.patienceMs;
    for (;;) {
      try {
        return (await this.admin.query(query, values)).rows as Row[];
      } catch (error) {
        if (this.admin.ended || performance.now() > deadline) throw error;
        await pause(LOOK_MS);
      }
    }
  }
}
