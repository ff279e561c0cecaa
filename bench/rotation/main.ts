import { join } from 'node:path';
import { consumers } from '@dsops/contracts/consumers';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { EmbeddedTransport } from '@dsops/messaging';
import { createLogger } from '@dsops/platform';
import { PostgresqlDriver } from '@dsops/drivers/postgresql/postgresql.driver';
import { Bench, type Report } from '../bench.js';
import { prepareCredentials } from '../credentials.js';
import { median, medianRatio, threeDigits } from '../figures.js';
import { makeRotationHome } from '../rotation-host.js';
import { assertDurable, startDurableServer, startOurDatabase, superuserPool } from '../servers.js';
import { BareLoop } from './bare-loop.js';
import { DsopsRotations } from './dsops-rotations.js';
import { profileRotations, type RotationProfile } from './profile.js';
import { RecordingDriver, type TargetCall } from './recording-driver.js';
import { SameEffects } from './same-effects.js';
import { ServerWatch } from './server-costs.js';

/** Options as tools/bench.mjs has checked and explained them. */
interface Options {
  readonly rounds: number;
  /** Rotations in one measurement at 16. */
  readonly count: number;
  readonly profile: boolean;
  readonly json: boolean;
}

const AIM = 1.6;

/** Milliseconds per rotation, one value per round. */
interface Level {
  readonly parallel: number;
  readonly rotating: number[];
  readonly asking: number[];
  readonly bare: number[];
  readonly same: number[];
}

await Bench.run<Options>(async (bench, options): Promise<Report> => {
  // Rotations at a time, and how many make one measurement.
  const most = { parallel: 16, count: Math.max(16, options.count) };
  const plan = [{ parallel: 1, count: Math.ceil(most.count / 8) }, most];
  bench.progress('two servers, and credentials on one of them');
  const folder = bench.temporaryFolder();
  const watched = options.profile ? { shared_preload_libraries: 'pg_stat_statements' } : {};
  const ours = await startOurDatabase(bench, folder, watched);
  const targetServer = await startDurableServer(bench, folder, 'target', { ...watched, max_connections: 500 });
  const superuser = superuserPool(bench, targetServer.url());
  await assertDurable(superuser, 'the target');
  const target: PostgresqlTarget = {
    host: '127.0.0.1',
    port: targetServer.port,
    database: 'postgres',
    sslMode: 'disable',
  };

  const transport = new EmbeddedTransport({
    ...ours.options,
    logger: createLogger({ service: 'delivery', level: 'warn' }),
  });
  bench.onEnd(() => transport.close());
  await transport.keepFor(Object.values(consumers));
  const home = await makeRotationHome(join(folder, 'home'), ours.options, most.parallel);
  bench.onEnd(() => home.database.$disconnect());
  const driver = new RecordingDriver(new PostgresqlDriver());
  const dsops = new DsopsRotations(home, ours.admin, driver, transport);
  await dsops.addServices(target, await prepareCredentials(superuser, 'ours', most.count), most.parallel);

  bench.progress('warming up');
  const bare = new BareLoop(target, await prepareCredentials(superuser, 'bare', most.count));
  await dsops.run(most.parallel, most.count);
  await dsops.run(1, 1);
  const script: readonly TargetCall[] = [...driver.noted];
  const same = new SameEffects(target, await prepareCredentials(superuser, 'same', most.count), script);
  await bare.run(most.parallel, most.count);
  await same.run(most.parallel, most.count);

  const levels: Level[] = plan.map(({ parallel }) => ({ parallel, rotating: [], asking: [], bare: [], same: [] }));
  for (let round = 0; round < options.rounds; round += 1)
    for (const [nth, { parallel, count }] of plan.entries()) {
      const level = levels[nth]!;
      const contenders = [
        async () => {
          const { rotatingMs, askingMs } = await dsops.run(parallel, count);
          level.rotating.push(rotatingMs / count);
          level.asking.push(askingMs / count);
        },
        async () => level.bare.push((await bare.run(parallel, count)) / count),
        async () => level.same.push((await same.run(parallel, count)) / count),
      ];
      for (const [turn] of contenders.entries()) {
        bench.progress(`round ${round + 1} of ${options.rounds}: ${parallel} at a time`);
        await contenders[(turn + round) % contenders.length]!();
      }
    }

  bench.progress('profiling');
  const profile = options.profile
    ? await profileRotations(
        {
          dsops,
          driver,
          ours: await ServerWatch.of(ours.admin, join(folder, 'ours')),
          target: await ServerWatch.of(superuser, join(folder, 'target')),
          loops: [
            { name: 'bare loop', run: (parallel, count) => bare.run(parallel, count) },
            { name: 'same effects', run: (parallel, count) => same.run(parallel, count) },
          ],
        },
        most.parallel,
        most.count,
      )
    : null;
  return reportOf(levels, script, options, profile);
});

function reportOf(
  levels: readonly Level[],
  script: readonly TargetCall[],
  { rounds }: Options,
  profile: RotationProfile | null,
): Report {
  const row = (
    name: string,
    figures: (level: Level) => readonly number[],
    bare: (level: Level) => readonly number[],
  ) => [
    name,
    ...levels.flatMap((level) => [
      threeDigits(median(figures(level))),
      threeDigits(1_000 / median(figures(level))),
      medianRatio(figures(level), bare(level)).toFixed(2),
    ]),
  ];
  const bareOf = (level: Level) => level.bare;
  const ratioAt16 = medianRatio(levels.at(-1)!.rotating, levels.at(-1)!.bare);
  const logins = script.filter((call) => call.do === 'probe' || call.do === 'open-session').length;
  const commands = script.filter((call) => call.do === 'set' || call.do === 'retire').length;
  return {
    tables: [
      {
        title: `Rotations of PostgreSQL logins, medians of ${rounds} rounds`,
        columns: ['', ...levels.flatMap(({ parallel }) => [`at ${parallel}: ms each`, 'per s', '× bare'])],
        rows: [
          row('bare loop, no journal', bareOf, bareOf),
          row('same effects, no journal', ({ same }) => same, bareOf),
          row('dsops: rotating', ({ rotating }) => rotating, bareOf),
          row('dsops: asking for it', ({ asking }) => asking, bareOf),
        ],
      },
      ...(profile?.tables ?? []),
    ],
    notes: [
      `At 16 a rotation takes ${ratioAt16.toFixed(2)} times the bare loop; the aim is at most ${AIM}: ${ratioAt16 <= AIM ? 'reached' : 'missed'}.`,
      `The journal and what belongs to it: ${medianRatio(levels.at(-1)!.rotating, levels.at(-1)!.same).toFixed(2)} times the same effects without it.`,
      `At the target a rotation makes ${logins} logins and ${commands} commands; the bare loop 2 and 2, with an administrator that stays connected.`,
      ...(profile?.notes ?? []),
    ],
    problems: [],
    figures: { levels, ratioAt16, aim: AIM, script, ...profile?.figures },
  };
}
