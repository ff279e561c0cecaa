import { join } from 'node:path';
import { helpOnRequest, root, runNode } from './run.mjs';

helpOnRequest(`
pnpm test:events [--commands N]

Producers and consumers in processes of their own, killed at random while the transport loses, doubles and reorders
events: in the end every acknowledged command has had each of its effects exactly once, in the order of its key.

  --commands N    how many (20000); pnpm test runs 4000
`);

const at = process.argv.indexOf('--commands');
const commands = at === -1 ? 20_000 : Number(process.argv[at + 1]);
if (!Number.isInteger(commands) || commands < 1) {
  console.error('--commands takes a whole number from 1.');
  process.exit(2);
}
process.exit(
  await runNode(join(root, 'tools', 'test.mjs'), ['e2e/events'], { env: { DSOPS_EVENTS_COMMANDS: String(commands) } }),
);
