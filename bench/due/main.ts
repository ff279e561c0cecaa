import { join } from 'node:path';
import type pg from 'pg';
import { addService, startRotation } from '@dsops/contracts/rotation/api';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { unwrapSecret } from '@dsops/kernel';
import { Bench, type Report } from '../bench.js';
import { prepareCredentials, serviceOf } from '../credentials.js';
import { threeDigits } from '../figures.js';
import { inLanes } from '../lanes.js';
import { residentMb } from '../memory.js';
import { assertDurable, startDurableServer, startOurDatabase, superuserPool } from '../servers.js';
import { ConnectionCounter, type Highest } from './connections.js';
import { HostProcess } from './host-process.js';

/** Options as tools/bench.mjs has checked and explained them. */
interface Options {
  readonly count: number;
  readonly concurrency: number;
  readonly json: boolean;
}

/** Requests at the same time. */
const LANES = 8;
/** A rotation has one session at the target, and the one before it may still be ending there. */
const PER_ROTATION = 2;
/** Looking at the target for a plan tries a wrong login for each of two slots at the same time. */
const PER_REQUEST = 2;
const LOOK_EVERY_MS = 50;
/** Without any rotation that ends for so long, something is stuck. */
const STUCK_AFTER_MS = 60_000;
const SHARES = [0.1, 0.5, 1];
/** Between the first and the last mark. Below that it is the heap that breathes. */
const FLAT = 1.2;
/** Rotations after which the program is compiled and the heap has its size. */
const WARM_AFTER = 100;

interface Memory {
  readonly done: number;
  readonly residentMb: number;
}

/** Until all are settled. Tells how many are, at every look. */
async function untilSettled(admin: pg.Pool, count: number, onLook: (settled: number) => void): Promise<void> {
  let settledBefore = -1;
  for (let movedAtMs = performance.now(); ;) {
    const { rows } = await admin.query<{ settled: number }>(
      'select count(*)::int as settled from rotation.rotations where is_settled',
    );
    const { settled } = rows[0]!;
    onLook(settled);
    if (settled >= count) return;
    if (settled > settledBefore) movedAtMs = performance.now();
    if (performance.now() - movedAtMs > STUCK_AFTER_MS)
      throw new Error(`${settled} of ${count} rotations ended, and then none for ${STUCK_AFTER_MS / 1_000} s.`);
    settledBefore = settled;
    await new Promise((resume) => setTimeout(resume, LOOK_EVERY_MS));
  }
}

await Bench.run<Options>(async (bench, { count, concurrency }): Promise<Report> => {
  bench.progress('two servers, and a service');
  const folder = bench.temporaryFolder();
  const ours = await startOurDatabase(bench, folder);
  const targetServer = await startDurableServer(bench, folder, 'target');
  const superuser = superuserPool(bench, targetServer.url());
  await assertDurable(superuser, 'the target');
  const target: PostgresqlTarget = {
    host: '127.0.0.1',
    port: targetServer.port,
    database: 'postgres',
    sslMode: 'disable',
  };
  const { host, port, database, password } = ours.options;
  const service = await HostProcess.start({
    database: { host, port, database, password: unwrapSecret(password) },
    folder: join(folder, 'home'),
    concurrency,
  });
  bench.onEnd(() => service.stop());

  const credentials = await prepareCredentials(superuser, 'due', count);
  let added = 0;
  await inLanes(LANES, credentials, async (credential, nth) => {
    await service.client.call(addService, { body: serviceOf(target, `s${nth}`, credential) });
    bench.progress(`${(added += 1)} of ${count} credentials taken over`);
  });

  const counter = new ConnectionCounter(superuser);
  bench.onEnd(() => counter.end());
  const memory: Memory[] = [{ done: 0, residentMb: residentMb(service.pid) }];
  counter.begin();
  const startedMs = performance.now();
  const marks = SHARES.map((share) => Math.ceil(share * count));
  const settling = untilSettled(ours.admin, count, (settled) => {
    bench.progress(`${settled} of ${count} rotations ended`);
    while (marks.length > 0 && settled >= marks[0]!)
      memory.push({ done: marks.shift()!, residentMb: residentMb(service.pid) });
  });
  settling.catch(() => undefined); // it is waited for below, unless asking fails first
  const asked = new Set<string>();
  await inLanes(LANES, credentials, async (_, nth) => {
    const params = { environment: 'production', service: `s${nth}` };
    asked.add((await service.client.call(startRotation, { params, body: { onConflict: 'reject' } })).id);
  });
  const askedMs = performance.now() - startedMs;
  const whileAsking = counter.take();
  await settling;
  const tookMs = performance.now() - startedMs;
  const whileRotating = counter.take();
  await counter.end();

  const { rows } = await ours.admin.query<{ id: string; state: string }>('select id, state from rotation.rotations');
  return reportOf({ count, concurrency, asked, rows, askedMs, tookMs, whileAsking, whileRotating, memory });
});

interface Outcome {
  readonly count: number;
  readonly concurrency: number;
  readonly asked: ReadonlySet<string>;
  readonly rows: readonly { readonly id: string; readonly state: string }[];
  readonly askedMs: number;
  readonly tookMs: number;
  readonly whileAsking: Highest;
  readonly whileRotating: Highest;
  readonly memory: readonly Memory[];
}

function reportOf(outcome: Outcome): Report {
  const { count, concurrency, asked, rows, askedMs, tookMs, whileAsking, whileRotating, memory } = outcome;
  const completed = rows.filter(({ id, state }) => state === 'completed' && asked.has(id)).length;
  const byWorker = concurrency * PER_ROTATION;
  const byRequests = LANES * PER_REQUEST;
  const [first, last] = [memory.at(1), memory.at(-1)];
  const problems = [
    ...(completed === count ? [] : [`${count - completed} of ${count} rotations did not complete.`]),
    ...(whileAsking.looks === 0 || (whileRotating.looks === 0 && tookMs - askedMs > 1_000)
      ? ['Nobody counted the connections.']
      : []),
    ...(whileAsking.all > byWorker + byRequests
      ? [`While they were asked for, there were ${whileAsking.all} connections to the target.`]
      : []),
    ...(whileRotating.all > byWorker
      ? [`While they rotated, there were ${whileRotating.all} connections to the target.`]
      : []),
    ...(memory.length === SHARES.length + 1 ? [] : ['Memory was not read at each mark.']),
  ];
  return {
    tables: [
      {
        title: `${count} credentials due at once, ${concurrency} at a time`,
        columns: ['', 'seconds', 'per s', 'highest connections', 'allowed', 'looks'],
        rows: [
          [
            'while they were asked for',
            threeDigits(askedMs / 1_000),
            threeDigits((count * 1_000) / askedMs),
            String(whileAsking.all),
            String(byWorker + byRequests),
            String(whileAsking.looks),
          ],
          [
            'after that, until all were done',
            threeDigits((tookMs - askedMs) / 1_000),
            '',
            String(whileRotating.all),
            String(byWorker),
            String(whileRotating.looks),
          ],
          ['together', threeDigits(tookMs / 1_000), threeDigits((count * 1_000) / tookMs), '', '', ''],
        ],
      },
      {
        title: 'Memory of the service, resident',
        columns: ['done', 'MB'],
        rows: memory.map(({ done, residentMb: mb }) => [String(done), threeDigits(mb)]),
      },
    ],
    notes: [
      `${completed} of ${count} completed.`,
      `Allowed are ${PER_ROTATION} connections per rotation at a time, and ${PER_REQUEST} for each of ${LANES} requests at a time, which look at the target for the plan.`,
      ...(first && last
        ? [
            `From ${first.done} to ${last.done} done the memory changed by ${threeDigits(last.residentMb - first.residentMb)} MB; flat is at most ${Math.round((FLAT - 1) * 100)} % more: ${first.done < WARM_AFTER ? 'too few to judge' : last.residentMb <= first.residentMb * FLAT ? 'reached' : 'missed'}.`,
          ]
        : []),
    ],
    problems,
    figures: {
      count,
      completed,
      concurrency,
      askedMs,
      tookMs,
      whileAsking,
      whileRotating,
      byWorker,
      byRequests,
      memory,
    },
  };
}
