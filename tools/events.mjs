import { join } from 'node:path';
import { build } from './build.mjs';
import { layOut, root, runNode } from './run.mjs';
import { fetchTools } from './stack-tools.mjs';
import { readOptions } from './terminal.mjs';

const {
  stack,
  commands,
  positionals: _,
  ...rest
} = readOptions({
  help: `
Usage: pnpm test:events [--commands N]
       pnpm test:events --stack [--commands N] [--kills N] [--victim NAME]... [--replicas LIST] [--no-sweep]
                        [--patience S] [--docs FILE] [--json]

Producers and consumers in processes of their own, killed while they work: in the end every command that a client got an
answer for has had each of its effects exactly once, in the order of its key.

Without --stack, on the embedded transport, which loses, doubles and reorders events on purpose; kills hit at random.

With --stack, on a real Kafka, a PostgreSQL of its own and real Dapr sidecars (needs Go, Java 17 and Maven): broker,
sidecar, consumer, producer, relay and our database are killed with SIGKILL in turn, the next one only after progress
resumed, while the consumer is scaled. Prints how long each took to recover, and what was counted.

  --commands N      how many; 20000, with --stack 100000
  --kills N         how often each victim is killed; 5 unless said
  --victim NAME     broker, sidecar, consumer, producer, relay, database; may be repeated
  --replicas LIST   of the consumer, one number after the other; 1,3,12,2 unless said
  --no-sweep        nobody fetches from the producer what the transport has lost
  --patience S      gives up when nothing goes on for so many seconds, and counts; 180 unless said
  --docs FILE       writes the tables as a page
  --json            the result as JSON on standard output

Ends with 0 when nothing was lost, doubled or out of order, else with 1.
`,
  options: {
    stack: { type: 'boolean', default: false },
    commands: { type: 'string' },
    kills: { type: 'string' },
    victim: { type: 'string', multiple: true },
    replicas: { type: 'string' },
    'no-sweep': { type: 'boolean' },
    patience: { type: 'string' },
    docs: { type: 'string' },
    json: { type: 'boolean' },
  },
});

function refuse(message) {
  process.stderr.write(`${message}\nSee --help.\n`);
  process.exit(2);
}

if (commands !== undefined && !/^[1-9]\d{0,6}$/.test(commands)) refuse('--commands takes a whole number from 1.');
const given = Object.entries(rest).filter(([, value]) => value !== undefined);

if (!stack) {
  if (given.length > 0) refuse(`--${given[0][0]} needs --stack.`);
  process.exit(
    await runNode(join(root, 'tools', 'test.mjs'), ['e2e/events/load.spec.ts'], {
      env: { DSOPS_EVENTS_COMMANDS: commands ?? '20000' },
    }),
  );
}

await build('.', 'e2e');
await fetchTools(['dapr', 'kafka']);
const words = given.flatMap(([name, value]) =>
  value === true ? [`--${name}`] : [value].flat().flatMap((one) => [`--${name}`, one]),
);
const code = await runNode(
  join(root, 'e2e', 'dist', 'events', 'stack', 'main.js'),
  [...(commands === undefined ? [] : ['--commands', commands]), ...words],
  // kafkajs waits for a moment that has passed, and Node says so.
  { env: { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --disable-warning=TimeoutNegativeWarning`.trim() } },
);
if (rest.docs !== undefined) await layOut(rest.docs);
process.exit(code);
