import { query, sql } from '@dsops/database';
import type { PrismaClient } from '@dsops/database/rotation';
import type { Points } from './points.js';

type Tx = Parameters<Parameters<PrismaClient['$transaction']>[0]>[0];

/** An entry of the journal as far as it names a point. */
interface JournalEntry {
  readonly kind: string;
  readonly effect?: { readonly do: string; readonly subject?: string };
  readonly step?: string;
  readonly state?: string;
  readonly to?: string;
}

/** What this transaction has journalled: rows carry the transaction that wrote them. */
const WRITTEN_NOW = sql`
  select entry from rotation.rotation_journal where xmin = pg_current_xact_id_if_assigned()::xid order by seq`;

/** Effects that are one transaction with their entry, as the engine words them. */
const EFFECT_OF: Readonly<Record<string, string>> = {
  generated: 'generate',
  'labels-moved': 'move-labels',
  published: 'publish',
};
/** These frame an effect at the target, which has points of its own. */
const FRAMES: ReadonlySet<string> = new Set(['intended', 'ended']);

/** What a rotation is doing, as its own process last journalled it. */
export class JournalWatch {
  /** The effect at the target that is under way, such as `probe new`; null when there is none. */
  effectNow: string | null = null;

  constructor(private readonly points: Points) {}

  /**
   * The client that is given to the service, with points around every transaction that journals something: when all is
   * written and nothing is committed, and when it has just been committed.
   */
  around(client: PrismaClient): PrismaClient {
    const transaction = async (work: (tx: Tx) => Promise<unknown>, options?: object) => {
      let written: JournalEntry[] = [];
      const answer = await client.$transaction(async (tx) => {
        const result = await work(tx);
        written = (await query<{ entry: JournalEntry }>(tx, WRITTEN_NOW)).map(({ entry }) => entry);
        for (const effect of this.effectsOf(written)) await this.points.pass(effect, 'before');
        return result;
      }, options);
      this.follow(written);
      for (const effect of this.effectsOf(written)) await this.points.pass(effect, 'after');
      return answer;
    };
    return new Proxy(client, {
      get(target, name) {
        if (name === '$transaction') return transaction;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  }

  private effectsOf(written: readonly JournalEntry[]): string[] {
    return written.filter(({ kind }) => !FRAMES.has(kind)).map(wordOf);
  }

  private follow(written: readonly JournalEntry[]): void {
    for (const { kind, effect } of written)
      if (kind === 'intended' && effect) this.effectNow = [effect.do, effect.subject].filter(Boolean).join(' ');
      else if (kind === 'ended') this.effectNow = null;
  }
}

const wordOf = ({ kind, step, state, to }: JournalEntry): string =>
  [EFFECT_OF[kind] ?? kind, step ?? state ?? (kind === 'labels-moved' ? to : undefined)].filter(Boolean).join(' ');
