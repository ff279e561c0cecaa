import { Bench, type Report } from '../bench.js';
import { median, medianRatio, threeDigits } from '../figures.js';
import { inLanes } from '../lanes.js';
import { startOurDatabase } from '../servers.js';
import type { Command, Contender } from './contender.js';
import { EffectReader, makeTables } from './effects.js';
import { EventStream } from './event-stream.js';
import { JobQueue, jobSchema } from './job-queue.js';
import { hotKey, skewedKeys, type DrawKey } from './keys.js';

/** Options as tools/bench.mjs has checked and explained them. */
interface Options {
  readonly rounds: number;
  readonly count: number;
  readonly stack: boolean;
  /** Seconds of a run at a steady rate instead. */
  readonly sustained?: number;
  /** Events per second of the sustained run. */
  readonly rate: number;
  readonly json: boolean;
}

const AIM = 0.5;
/** Commands at the same time, and jobs at the same time. */
const LANES = 16;
const KEYS = 200;
const LOADS: readonly { readonly name: string; readonly draw: DrawKey }[] = [
  { name: `${KEYS} skewed keys`, draw: skewedKeys(KEYS) },
  { name: 'one hot key', draw: hotKey },
];
const JOBS = 'graphile-worker';

/** Per second, one value per round. */
interface Rates {
  readonly load: string;
  readonly contender: string;
  readonly committed: number[];
  readonly through: number[];
}

await Bench.run<Options>(async (bench, { rounds, count, stack, sustained, rate }): Promise<Report> => {
  if (sustained !== undefined)
    return (await import('./sustained.js')).sustainedBench(bench, { seconds: sustained, rate });
  if (stack) return (await import('./stack.js')).stackBench(bench, { rounds, count });
  bench.progress('a database');
  const ours = await startOurDatabase(bench, bench.temporaryFolder());
  await ours.admin.query(`create schema ${jobSchema}`);
  await makeTables(ours.admin, jobSchema, jobSchema);
  await makeTables(ours.admin, 'rotation', 'notification');
  const events = await EventStream.start(
    bench,
    ours.options,
    new EffectReader(ours.admin, 'rotation', 'notification'),
    LANES,
  );
  const url = ours.server.url(ours.options.database);
  const jobs = await JobQueue.prepare(bench, url, new EffectReader(ours.admin, jobSchema, jobSchema), LANES, [
    { name: JOBS, isOrdered: false, share: 1, batch: null },
    { name: `${JOBS}, in batches`, isOrdered: false, share: 1, batch: 200 },
    { name: `${JOBS}, a queue per key`, isOrdered: true, share: 0.05, batch: null },
  ]);
  const contenders: readonly Contender[] = [...jobs, events];

  let commandsSoFar = 0;
  const problems: string[] = [];
  const measure = async (contender: Contender, draw: DrawKey, of: number) => {
    const size = Math.ceil(of * contender.share);
    const commands = Array.from({ length: size }, (): Command => ({
      id: `c${commandsSoFar++}`,
      key: draw(Math.random()),
    }));
    await contender.begin();
    const startedMs = performance.now();
    const effects = contender.untilEffects(size);
    await inLanes(LANES, commands, (command) => contender.command(command));
    const committedMs = performance.now() - startedMs;
    await effects;
    const throughMs = performance.now() - startedMs;
    await contender.end();
    problems.push(...(await contender.problems(commands)));
    return { committed: (size * 1_000) / committedMs, through: (size * 1_000) / throughMs };
  };

  bench.progress('warming up');
  for (const contender of contenders) await measure(contender, LOADS[0]!.draw, Math.min(count, 300));

  const all = LOADS.map(({ name: load }) =>
    contenders.map(({ name: contender }): Rates => ({ load, contender, committed: [], through: [] })),
  );
  for (let round = 0; round < rounds; round += 1)
    for (const [nth, { name, draw }] of LOADS.entries())
      for (const [turn] of contenders.entries()) {
        const which = (turn + round) % contenders.length;
        const contender = contenders[which]!;
        bench.progress(`round ${round + 1} of ${rounds}, ${name}: ${contender.name}`);
        const { committed, through } = await measure(contender, draw, count);
        all[nth]![which]!.committed.push(committed);
        all[nth]![which]!.through.push(through);
      }
  return reportOf(all, problems, { rounds, count });
});

function reportOf(
  all: readonly (readonly Rates[])[],
  problems: readonly string[],
  { rounds, count }: Pick<Options, 'rounds' | 'count'>,
): Report {
  const ratios = all.map((ofLoad) => medianRatio(ofLoad.at(-1)!.through, ofLoad[0]!.through));
  const [skewed, hot] = all.map((ofLoad) => ofLoad.at(-1)!.through) as [number[], number[]];
  return {
    tables: all.map((ofLoad) => ({
      title: `${ofLoad[0]!.load}: ${count} commands, medians of ${rounds} rounds`,
      columns: ['', 'committed per s', 'effects per s', '× jobs'],
      rows: ofLoad.map(({ contender, committed, through }) => [
        contender,
        threeDigits(median(committed)),
        threeDigits(median(through)),
        medianRatio(through, ofLoad[0]!.through).toFixed(2),
      ]),
    })),
    notes: [
      ...ratios.map(
        (ratio, nth) =>
          `${LOADS[nth]!.name}: ${ratio.toFixed(2)} of ${JOBS}; the aim is at least ${AIM}: ${ratio >= AIM ? 'reached' : 'missed'}.`,
      ),
      `One hot key has ${(medianRatio(hot, skewed) * 100).toFixed(0)} % of the events per second of ${KEYS} skewed ones.`,
      'Effects per second: from the first command to the last committed effect. Events are in order and happen once; jobs are neither, except in order with a queue per key.',
    ],
    problems,
    figures: { rates: all.flat(), ratios, aim: AIM, hotShare: medianRatio(hot, skewed) },
  };
}
