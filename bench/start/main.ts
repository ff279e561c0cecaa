import { join } from 'node:path';
import { Bench, type Report } from '../bench.js';
import { median, threeDigits } from '../figures.js';
import { StandaloneProcess, type Memory } from './installation.js';

/** Options as tools/bench.mjs has checked and explained them. */
interface Options {
  readonly rounds: number;
  readonly json: boolean;
}

interface Start extends Memory {
  readonly seconds: number;
}

/** What the process may take, in megabytes, without PostgreSQL. */
const AIM_MB = 350;
/** After the first answer: what comes in waves behind a start has come by then. */
const SETTLED_AFTER_MS = 2_000;

async function measure(bench: Bench, home: string): Promise<Start> {
  const startedMs = performance.now();
  const dsops = StandaloneProcess.begin(home);
  bench.onEnd(() => dsops.stop());
  await dsops.untilReady();
  const seconds = (performance.now() - startedMs) / 1_000;
  await new Promise((resume) => setTimeout(resume, SETTLED_AFTER_MS));
  const memory = dsops.memory();
  const exitCode = await dsops.stop();
  if (exitCode !== 0) throw new Error(`dsops ended with ${exitCode} after it was told to stop.`);
  return { seconds, ...memory };
}

await Bench.run<Options>(async (bench, { rounds }): Promise<Report> => {
  if (process.platform === 'win32') throw new Error('Windows does not tell the memory of processes to this bench.');
  const folder = bench.temporaryFolder();
  const cold: Start[] = [];
  const warm: Start[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const home = join(folder, `home-${round}`);
    bench.progress(`round ${round} of ${rounds}: cold`);
    cold.push(await measure(bench, home));
    bench.progress(`round ${round} of ${rounds}: warm`);
    warm.push(await measure(bench, home));
  }

  const of = (starts: readonly Start[], figure: (start: Start) => number | null) => {
    const values = starts.map(figure).filter((value) => value !== null);
    return values.length === 0 ? 'not told' : threeDigits(median(values));
  };
  const row = (name: string, starts: readonly Start[]) => [
    name,
    of(starts, ({ seconds }) => seconds),
    of(starts, ({ standaloneMb }) => standaloneMb),
    of(starts, ({ standalonePeakMb }) => standalonePeakMb),
    of(starts, ({ supervisorMb }) => supervisorMb),
    of(starts, ({ postgresMb }) => postgresMb),
  ];
  const most = Math.max(...[...cold, ...warm].map(({ standaloneMb }) => standaloneMb));
  return {
    tables: [
      {
        title: `Start of the standalone process, medians of ${rounds} rounds`,
        columns: ['', 'seconds', 'process MB', 'its peak MB', 'supervisor MB', 'PostgreSQL MB'],
        rows: [row('cold: an empty data folder', cold), row('warm: started again', warm)],
      },
    ],
    notes: [
      `Memory of the process at most ${threeDigits(most)} MB; the aim is under ${AIM_MB} MB: ${most < AIM_MB ? 'reached' : 'missed'}.`,
      'Seconds from the start of the program until /health/ready answers 200; the build before it is not counted.',
      `Memory ${SETTLED_AFTER_MS / 1_000} s later: resident; of PostgreSQL each shared page once (on macOS the sum of what is resident).`,
    ],
    problems: [],
    figures: { cold, warm, aimMb: AIM_MB, mostMb: most },
  };
});
