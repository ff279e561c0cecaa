import type pg from 'pg';
import type { Command } from './commands.js';

/** Everything that is wrong with a consumer's effects, by example; empty lists are what is wanted. */
export interface Effects {
  readonly consumer: string;
  readonly count: number;
  /** Of an acknowledged command, and not there. */
  readonly lost: readonly string[];
  /** There once more. */
  readonly doubled: readonly string[];
  /** Applied before an earlier one of its key, or after a later one. */
  readonly outOfOrder: readonly string[];
  /** Nobody has asked for it. */
  readonly strange: readonly string[];
}

export interface Verdict {
  readonly acknowledged: number;
  /** Events of the acknowledged commands. */
  readonly events: number;
  /** Acknowledged and not done, or done and not acknowledged in the end. */
  readonly commandsLost: readonly string[];
  readonly commandsStrange: readonly string[];
  readonly consumers: readonly Effects[];
  /** What somebody would have to look at: alarms, open dead letters, parked events. */
  readonly leftOver: readonly string[];
}

/** Nothing in the tables forbids a second effect: that is what is counted. */
export const makeTables = (admin: pg.ClientBase | pg.Pool): Promise<unknown> =>
  admin.query(`
    create table rotation.commands (id text primary key);
    create table notification.effects (nth bigint primary key generated always as identity, consumer text not null,
                                       process text not null, key text not null, sequence bigint not null,
                                       command text not null);
    create table notification.healed (at timestamptz);
    grant select, insert on rotation.commands to dsops_rotation;
    grant select, insert on notification.effects, notification.healed to dsops_notification`);

interface EffectRow {
  readonly key: string;
  readonly sequence: string;
  readonly command: string;
}

/** Compares what happened with what was acknowledged to the client. */
export async function judge(
  admin: pg.ClientBase | pg.Pool,
  acknowledged: readonly Command[],
  consumers: readonly string[],
): Promise<Verdict> {
  const rowsOf = async <Row>(query: string, ...values: unknown[]) => (await admin.query(query, values)).rows as Row[];
  const done = new Set((await rowsOf<{ id: string }>('select id from rotation.commands')).map(({ id }) => id));
  const asked = new Set(acknowledged.map(({ id }) => id));
  const expected = acknowledged.flatMap(({ text, keys }) => keys.map((key) => `${key} ${text}`));
  const found: Effects[] = [];
  for (const consumer of consumers) {
    const rows = await rowsOf<EffectRow>(
      'select key, sequence, command from notification.effects where consumer = $1 order by nth',
      consumer,
    );
    found.push({ consumer, count: rows.length, ...compare(expected, rows) });
  }
  return {
    acknowledged: asked.size,
    events: expected.length,
    commandsLost: [...asked].filter((id) => !done.has(id)),
    commandsStrange: [...done].filter((id) => !asked.has(id)),
    consumers: found,
    leftOver: (
      await rowsOf<{ what: string }>(
        `select 'alarm: ' || kind || ' of ' || key || ' ' || sequence as what from notification.event_alarms
         union all select 'open dead letter: ' || reason from notification.dead_letters where status = 'open'
         union all select 'parked, ' || state || ': ' || key || ' ' || sequence from notification.parked`,
      )
    ).map(({ what }) => what),
  };
}

/** @param effects in the order in which they were committed, as far as one key is concerned */
export function compare(
  expected: readonly string[],
  effects: readonly EffectRow[],
): Pick<Effects, 'lost' | 'doubled' | 'outOfOrder' | 'strange'> {
  const wanted = new Set(expected);
  const seen = new Set<string>();
  const last = new Map<string, number>();
  const doubled: string[] = [];
  const outOfOrder: string[] = [];
  const strange: string[] = [];
  for (const { key, sequence, command } of effects) {
    const effect = `${key} ${command}`;
    const place = Number(sequence);
    const before = last.get(key) ?? 0;
    if (!wanted.has(effect)) strange.push(effect);
    if (seen.has(effect)) doubled.push(effect);
    else if (place !== before + 1) outOfOrder.push(`${effect}: ${place} after ${before}`);
    seen.add(effect);
    last.set(key, Math.max(before, place));
  }
  return { lost: expected.filter((effect) => !seen.has(effect)), doubled, outOfOrder, strange };
}

/** What is wrong, in words, with an example each; empty when nothing is. */
export function problemsOf({ commandsLost, commandsStrange, consumers, leftOver }: Verdict): string[] {
  const lists: [string, readonly string[]][] = [
    ['commands lost', commandsLost],
    ['commands that nobody asked for', commandsStrange],
    ...consumers.flatMap((found): [string, readonly string[]][] => [
      [`lost at ${found.consumer}`, found.lost],
      [`doubled at ${found.consumer}`, found.doubled],
      [`out of order at ${found.consumer}`, found.outOfOrder],
      [`effects at ${found.consumer} that nobody asked for`, found.strange],
    ]),
    ['left over', leftOver],
  ];
  return lists.filter(([, all]) => all.length > 0).map(([what, all]) => `${all.length} ${what}, such as "${all[0]}"`);
}
