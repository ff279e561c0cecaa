import { setTimeout as pause } from 'node:timers/promises';
import type { Invoker } from '@dsops/platform';
import { Bench, type Report } from '../bench.js';
import { median, medianRatio, quantile, threeDigits } from '../figures.js';
import { inLanes } from '../lanes.js';
import { startWays } from './servers.js';

/** Options as tools/bench.mjs has checked and explained them. */
interface Options {
  readonly rounds: number;
  readonly count: number;
  readonly json: boolean;
}

const LANES = [1, 16] as const;
const WAYS = ['direct', 'through Dapr'] as const;
const FIGURES = ['p50', 'p95', 'p99', 'rate'] as const;
/** Milliseconds, and calls per second. */
type Figures = Readonly<Record<(typeof FIGURES)[number], number>>;
const CALL = { method: 'GET', path: '/audit/page' } as const;
const PATIENCE_MS = 30_000;

await Bench.run<Options>(async (bench, { rounds, count }): Promise<Report> => {
  const { direct, throughDapr } = await startWays(bench, bench.temporaryFolder());
  const invokers = [direct, throughDapr];
  bench.progress('warming up');
  await untilAnswered(throughDapr);
  for (const invoker of invokers) await measure(invoker, 16, Math.min(count, 1_000));

  const tables = [];
  const figures = [];
  for (const lanes of LANES) {
    const measured = WAYS.map((): Figures[] => []);
    for (let round = 0; round < rounds; round += 1)
      for (const turn of WAYS.keys()) {
        const which = (turn + round) % WAYS.length;
        bench.progress(`round ${round + 1} of ${rounds}, ${lanes} at a time: ${WAYS[which]}`);
        measured[which]!.push(await measure(invokers[which]!, lanes, count));
      }
    tables.push(tableOf(lanes, measured, { rounds, count }));
    figures.push({ lanes, direct: measured[0], throughDapr: measured[1] });
  }
  return {
    tables,
    notes: [
      'Through Dapr: our client, its sidecar, mTLS, the other sidecar, the service, and back. Direct: the same client library straight to the service. Both ways the service is a process of its own and answers 1 KB.',
      'Everything shares the processors of one machine, so at 16 the sidecars take from the service what they need themselves.',
    ],
    problems: [],
    figures: { rounds, count, figures },
  };
});

/** @throws when a call does not end well: a figure of it would mean nothing */
async function measure(invoker: Invoker, lanes: number, count: number): Promise<Figures> {
  const tookMs: number[] = [];
  const startedMs = performance.now();
  await inLanes(lanes, Array.from({ length: count }), async () => {
    const askedMs = performance.now();
    const { status } = await invoker.invoke('audit', CALL);
    if (status !== 200) throw new Error(`The service answered ${status}.`);
    tookMs.push(performance.now() - askedMs);
  });
  const rate = (count * 1_000) / (performance.now() - startedMs);
  return { p50: quantile(tookMs, 0.5), p95: quantile(tookMs, 0.95), p99: quantile(tookMs, 0.99), rate };
}

/** Until both sidecars have their certificates and know each other. */
async function untilAnswered(invoker: Invoker): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;)
    try {
      return void (await measure(invoker, 1, 1));
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await pause(200);
    }
}

/** Medians of the rounds; difference and ratio are medians of those within a round. */
function tableOf(lanes: number, measured: readonly Figures[][], { rounds, count }: Pick<Options, 'rounds' | 'count'>) {
  const [direct, dapr] = measured as [Figures[], Figures[]];
  const all = (rows: readonly Figures[], name: (typeof FIGURES)[number]) => rows.map((row) => row[name]);
  const row = (title: string, of: (name: (typeof FIGURES)[number]) => string) => [title, ...FIGURES.map(of)];
  return {
    title: `${count} calls, ${lanes} at a time, medians of ${rounds} rounds`,
    columns: ['', 'p50 ms', 'p95 ms', 'p99 ms', 'calls per s'],
    rows: [
      ...measured.map((rows, which) => row(WAYS[which]!, (name) => threeDigits(median(all(rows, name))))),
      row('difference', (name) => threeDigits(median(dapr.map((figures, nth) => figures[name] - direct[nth]![name])))),
      row('ratio', (name) => `× ${medianRatio(all(dapr, name), all(direct, name)).toFixed(2)}`),
    ],
  };
}
