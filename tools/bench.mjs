#!/usr/bin/env node
/** Builds, and starts one of the benchmarks in bench/. */
import { join } from 'node:path';
import { build } from './build.mjs';
import { root, runNode } from './run.mjs';
import { readOptions } from './terminal.mjs';

const number = (fallback) => ({ type: 'string', default: String(fallback) });
const flag = { type: 'boolean', default: false };

/** Every option with a number takes a whole number from 1. */
const BENCHES = {
  rotation: {
    options: { rounds: number(5), count: number(64), profile: flag, json: flag },
    help: `
Usage: pnpm bench:rotation [--rounds N] [--count N] [--profile] [--json]

What safety costs. Whole rotations (two-key, no grace) of real PostgreSQL logins through the rotation service, 1 and 16
at a time, beside two loops in the same process and the same run that keep no journal:

  bare loop      ALTER ROLE with a SCRAM verifier, one login that must work, the ALTER ROLE that retires, one login that
                 must be refused; its administrator stays connected
  same effects   every login, session and command that a rotation makes at the target, in its order

Both servers are durable (fsync, synchronous_commit, full_page_writes: on). The service's events go through outbox and
relay into the deliveries of every consumer; the consumers themselves do not run here. Each round measures all three in
another order; what is printed is the median of the rounds, and the median of the ratios within a round. A rotation is
counted from the first look of a worker to the event that says it has ended; asking for it (API, plan, look at the
target) is printed apart.

  --rounds N     rounds, each with all three; 5 unless said
  --count N      rotations in one measurement at 16, at least 16; 64 unless said, and an eighth of it at 1
  --profile      where the time goes: processor time of each process, statements, commits and logins per rotation, and
                 a CPU profile of this process with its largest self costs
  --json         everything as JSON on standard output

Aim: at most 1.6 times the time of the bare loop, at 16. Ends with 1 when a rotation did not complete.
`,
  },
  events: {
    options: {
      rounds: number(5),
      count: number(2_000),
      stack: flag,
      sustained: { type: 'string' },
      rate: number(1_000),
      json: flag,
    },
    help: `
Usage: pnpm bench:events [--stack | --sustained SECONDS [--rate N]] [--rounds N] [--count N] [--json]

Events per second through outbox, relay, deliveries and consumer beside jobs per second of graphile-worker, in one
process and on the same durable database. A command is one transaction, which writes a row and says an event (or adds a
job); its effect is a row that is written in another transaction later. 16 commands at a time, and 16 jobs at a time.

Once with 200 keys of which the k-th has a weight of 1/k, once with one hot key that everything belongs to. Each round
measures all in another order; printed are medians of the rounds, and of the ratios within a round.

  --rounds N     rounds; 5 unless said
  --count N      commands in one measurement; 2000 unless said. graphile-worker with a queue per key, which is slow by
                 its nature, gets a twentieth of them
  --stack        on Kafka and Dapr instead (needs Go, Java 17 and Maven): from a full outbox, and from the command, to
                 the committed effect, beside Dapr with a subscriber that only answers and beside kafkajs alone, all on
                 one broker. Take a --count of 10000 or more. Aim: at least 0.8 of raw Dapr
  --sustained S  on Kafka and Dapr at a steady rate for so many seconds, and the lag from saying to effect. Aim: a p99
                 under 250 ms for 600 s
  --rate N       its events per second, ten in a transaction; 1000 unless said
  --json         everything as JSON on standard output

Aim: at least half of the jobs per second. Ends with 1 when an effect is missing, happened twice, or out of order.
`,
  },
  invoke: {
    options: { rounds: number(5), count: number(2_000), json: flag },
    help: `
Usage: pnpm bench:invoke [--rounds N] [--count N] [--json]

What a call costs that goes through Dapr (needs Go): from our client to its own sidecar, over mTLS to the other one,
under the access control of dapr/, to a Nest service and back, beside a direct HTTP call with the same client library.
Time of a call and calls per second, 1 and 16 at a time. Each round measures both in another order; printed are
medians of the rounds, and of difference and ratio within a round.

  --rounds N     rounds; 5 unless said
  --count N      calls in one measurement; 2000 unless said
  --json         everything as JSON on standard output

Ends with 1 when a call failed.
`,
  },
  start: {
    options: { rounds: number(5), json: flag },
    help: `
Usage: pnpm bench:start [--rounds N] [--json]

How long dsops takes to start, and how much memory it has then. Cold: with an empty data folder, as the first time,
without the sample world; warm: the same folder again. The files of the program are in the system's cache either way.

  --rounds N     rounds, each cold and then warm; 5 unless said
  --json         everything as JSON on standard output

Aim: under 350 MB for the process, PostgreSQL apart. Ends with 1 when a start or a figure failed.
`,
  },
  due: {
    options: { count: number(1_000), concurrency: number(4), json: flag },
    help: `
Usage: pnpm bench:due [--count N] [--concurrency N] [--json]

So many credentials due at once: a rotation of each is asked for through the HTTP API of the rotation service, as fast as
it takes them, all on one target server. Every one must complete. From outside, as superuser, the connections to the
target are counted the whole time, and the memory of the service is read at 10, 50 and 100 % done.

  --count N         credentials; 1000 unless said. Preparing them takes about as long as rotating them
  --concurrency N   rotations at a time, the worker's own setting; 4 unless said
  --json            everything as JSON on standard output

Ends with 1 when one did not complete, or when there were more connections than the settings allow.
`,
  },
};

const [name = '', ...rest] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  process.stderr.write(`Usage: pnpm bench:NAME, with one of: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(name === '--help' || name === '-h' ? 0 : 2);
}

process.argv.splice(2, process.argv.length, ...rest);
const { positionals: _, help: __, ...given } = readOptions(bench);
const options = Object.fromEntries(
  Object.entries(given).map(([option, value]) => {
    if (typeof value !== 'string') return [option, value];
    if (/^[1-9]\d{0,5}$/.test(value)) return [option, Number(value)];
    process.stderr.write(`--${option} takes a whole number from 1.\nSee --help.\n`);
    process.exit(2);
  }),
);

await build('bench');
process.exit(await runNode(join(root, 'bench', 'dist', name, 'main.js'), [JSON.stringify(options)]));
