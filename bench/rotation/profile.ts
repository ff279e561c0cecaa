import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { threeDigits } from '../figures.js';
import type { Table } from '../table.js';
import type { DsopsRotations } from './dsops-rotations.js';
import { ProcessorProfile, type SelfCost } from './processor-profile.js';
import type { RecordingDriver } from './recording-driver.js';
import type { ServerCosts, ServerWatch } from './server-costs.js';

export interface ProfileParts {
  readonly dsops: DsopsRotations;
  readonly driver: RecordingDriver;
  readonly ours: ServerWatch;
  readonly target: ServerWatch;
  /** The loops beside it, which are measured as well. */
  readonly loops: readonly { readonly name: string; run(parallel: number, count: number): Promise<number> }[];
}

export interface RotationProfile {
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
  readonly figures: Readonly<Record<string, unknown>>;
}

const MOST_LINES = 20;

/**
 * One more measurement, under the profiler: what one rotation costs each of the three processes, and what it is made of.
 * The profiler slows it down, so its time stands in no other table.
 */
export async function profileRotations(
  { dsops, driver, ours, target, loops }: ProfileParts,
  parallel: number,
  count: number,
): Promise<RotationProfile> {
  const profile = new ProcessorProfile();
  let cpu = process.cpuUsage();
  let startedMs = 0;
  let tookMs = 0;
  const costs: Promise<ServerCosts>[] = [];
  await dsops.run(parallel, count, {
    prepare: async () => {
      await Promise.all([ours.begin(), target.begin()]);
    },
    begin: () => {
      for (const server of [ours, target]) server.beginProcessor();
      cpu = process.cpuUsage();
      startedMs = performance.now();
      profile.begin();
    },
    end: () => {
      profile.end();
      tookMs = performance.now() - startedMs;
      cpu = process.cpuUsage(cpu);
      costs.push(ours.end(), target.end());
    },
  });
  const [ourCosts, targetCosts] = (await Promise.all(costs)) as [ServerCosts, ServerCosts];
  const path = join(tmpdir(), `dsops-bench-rotation-${process.pid}.cpuprofile`);
  profile.write(path);

  const beside: { name: string; ownMs: number; target: ServerCosts }[] = [];
  for (const { name, run } of loops) {
    await target.begin();
    const before = process.cpuUsage();
    await run(parallel, count);
    const { user, system } = process.cpuUsage(before);
    beside.push({ name, ownMs: (user + system) / 1_000, target: await target.end() });
  }

  const each = (value: number | null) => (value === null ? 'not told' : threeDigits(value / count));
  const ownMs = (cpu.user + cpu.system) / 1_000;
  const calls = (is: string) => driver.noted.filter((call) => call.do === is).length / count;
  const refused = driver.noted.filter((call) => call.do === 'probe' && !call.isAccepted).length / count;
  return {
    tables: [
      {
        title: `What one rotation costs, at ${parallel} at a time (under the profiler: ${threeDigits(tookMs / count)} ms each)`,
        columns: ['', 'processor ms', 'transactions that write', 'statements', 'WAL kB'],
        rows: [
          ['this process', each(ownMs), '', '', ''],
          ['our database', ...serverRow(ourCosts, each)],
          ['the target', ...serverRow(targetCosts, each)],
          ...beside.flatMap((loop) => [
            [`${loop.name}: this process`, each(loop.ownMs), '', '', ''],
            [`${loop.name}: the target`, ...serverRow(loop.target, each)],
          ]),
        ],
      },
      costTable('Where this process is, by package', profile.packages(), count),
      costTable('Where this process is, by function', profile.functions(), count),
      {
        title: 'Statements at our database, per rotation',
        columns: ['', 'calls', 'ms'],
        rows: ourCosts.top.slice(0, MOST_LINES).map(({ text, calls, ms }) => [short(text), each(calls), each(ms)]),
      },
    ],
    notes: [
      `Logins at the target per rotation: ${calls('probe')} probes, ${refused} of them refused, and ${calls('open-session')} sessions of the administrator.`,
      `The whole profile is in ${path}.`,
    ],
    figures: {
      profile: {
        tookMsEach: tookMs / count,
        processorMsEach: ownMs / count,
        count,
        beside: beside.map(({ name, ownMs: ms, target: { processorMs } }) => ({
          name,
          ownMs: ms / count,
          targetMs: processorMs,
        })),
        ourDatabase: { ...ourCosts, top: ourCosts.top.slice(0, MOST_LINES) },
        target: { ...targetCosts, top: targetCosts.top.slice(0, MOST_LINES) },
        packages: profile.packages().slice(0, MOST_LINES),
        functions: profile.functions().slice(0, MOST_LINES),
      },
    },
  };
}

const serverRow = (costs: ServerCosts, each: (value: number | null) => string): string[] => [
  each(costs.processorMs),
  each(costs.writes),
  each(costs.statements),
  each(costs.walBytes / 1_024),
];

const costTable = (title: string, costs: readonly SelfCost[], count: number): Table => ({
  title,
  columns: ['', 'share', 'ms per rotation'],
  rows: costs
    .slice(0, MOST_LINES)
    .map(({ name, ms, share }) => [short(name), `${(share * 100).toFixed(1)} %`, threeDigits(ms / count)]),
});

const short = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 110 ? `${line.slice(0, 109)}…` : line;
};
