import type pg from 'pg';
import type { Bench, Report } from '../bench.js';
import type { Command } from './contender.js';
import { KEYS, LANES, startOurStack } from './our-stack.js';

const AIM_P99_MS = 250;
/** One transaction says so many events, as one that changes several things does. */
const EVENTS_PER_COMMAND = 10;
const TICK_MS = 20;
/** Not counted: programs that were just started compile themselves while they run, the broker for longest. */
const WARM_UP_S = 20;

interface Lag {
  /** Minute from the end of the warm-up, from 1; null: all of them. */
  readonly minute: number | null;
  readonly events: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

/** Our events on Dapr and Kafka at a steady rate: how long after it was said has each event had its effect? */
export async function sustainedBench(
  bench: Bench,
  { seconds, rate }: { seconds: number; rate: number },
): Promise<Report> {
  const { stream, reader, draw, admin } = await startOurStack(bench);

  await reader.clear();
  const said: Command[] = [];
  const atWork = new Set<Promise<void>>();
  const startedMs = performance.now();
  const countedFrom = new Date(Date.now() + WARM_UP_S * 1_000);
  const endMs = (WARM_UP_S + seconds) * 1_000;
  let lateMs = 0;
  for (;;) {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs >= endMs) break;
    while (said.length < (elapsedMs * rate) / 1_000) {
      const commands = Array.from({ length: EVENTS_PER_COMMAND }, (_, nth): Command => ({
        id: `s${said.length + nth}`,
        key: draw(Math.random()),
      }));
      said.push(...commands);
      // More at a time than a pool holds would only wait somewhere else.
      while (atWork.size >= LANES) await Promise.race(atWork);
      const saying = stream.sayTogether(commands).finally(() => atWork.delete(saying));
      atWork.add(saying);
    }
    lateMs = Math.max(lateMs, performance.now() - startedMs - (said.length * 1_000) / rate);
    bench.progress(`${said.length} events in ${Math.round(elapsedMs / 1_000)} of ${endMs / 1_000} s`);
    await new Promise((resume) => setTimeout(resume, TICK_MS));
  }
  await Promise.all(atWork);
  await reader.untilCount(said.length);

  const lags = await lagsOf(admin, countedFrom);
  const whole = lags.at(-1)!;
  return {
    tables: [
      {
        title: `${rate} events per second for ${seconds} s, ${KEYS} skewed keys, ${EVENTS_PER_COMMAND} events in a transaction, after ${WARM_UP_S} s that are not counted`,
        columns: ['minute', 'events', 'p50 ms', 'p99 ms', 'longest ms'],
        rows: lags.map(({ minute, events, p50, p99, longest }) => [
          minute === null ? 'all' : String(minute),
          ...[events, p50, p99, longest].map((figure) => figure.toFixed(0)),
        ]),
      },
    ],
    notes: [
      `Lag at p99: ${whole.p99.toFixed(0)} ms; the aim is under ${AIM_P99_MS}: ${whole.p99 < AIM_P99_MS ? 'reached' : 'missed'}.`,
      'Lag: from the instant that stands in the event to the row of its effect, in PostgreSQL, once and in order.',
      `The producer was never more than ${Math.max(0, lateMs).toFixed(0)} ms behind its rate.`,
    ],
    problems: await reader.problems('dsops events', said),
    figures: { lags, rate, seconds, lateMs, aimMs: AIM_P99_MS },
  };
}

/** By minute, and at the end of all; of what was said from then on. */
async function lagsOf(admin: pg.Pool, from: Date): Promise<readonly Lag[]> {
  const { rows } = await admin.query<Lag>(
    `
    with lags as (
      select extract(epoch from at - said_at) * 1000 as ms,
             1 + floor(extract(epoch from said_at - min(said_at) over ()) / 60)::int as minute
        from notification.bench_effects where said_at >= $1)
    select minute, count(*)::int as events, max(ms)::float as longest,
           percentile_cont(0.5) within group (order by ms)::float as p50,
           percentile_cont(0.99) within group (order by ms)::float as p99
      from lags group by grouping sets ((minute), ()) order by minute nulls last`,
    [from],
  );
  return rows;
}
