import { join } from 'node:path';
import { build } from './build.mjs';
import { helpOnRequest, root, runNode } from './run.mjs';
import { fetchTools } from './stack-tools.mjs';

helpOnRequest(`
pnpm test:stack [path or name …] [options of Jest]

Runs every *.stack.spec.ts: tests on a real Kafka and real Dapr sidecars, as processes on this machine. They need Go,
Java 17 and Maven. The first time, the tools are fetched and built into your cache folder, which takes some minutes;
DSOPS_TOOLS_HOME chooses another folder.

  pnpm test:stack stack/test       the tests below a folder

Ends with 0 when everything holds, else with 1.
`);

await build();
await fetchTools(['kafka', 'zipkin', 'dapr', 'scheduler']);

const args = process.argv.slice(2);
const hasPath = args.some((arg) => !arg.startsWith('-'));
process.exit(
  await runNode(
    join(root, 'tools', 'test.mjs'),
    // One file at a time: each has servers enough to keep two cores busy.
    [...(hasPath ? [] : ['[.]stack[.]spec[.]ts$']), '--maxWorkers=1', '--testTimeout=180000', ...args],
    { env: { DSOPS_TEST_STACK: '1' } },
  ),
);
