import { join } from 'node:path';
import { helpOnRequest, root, runNode } from './run.mjs';

helpOnRequest(`
pnpm test:restore

Puts a copy of the data from before 20 rotations back into a real installation with services on a real PostgreSQL: it
starts in mode restored, ends and sets nothing, finds out by logging in what the target accepts, says so, and goes on
only when a person has confirmed it. Then starts two installations from one copy, data, key and mark included.

Ends with 0 when everything holds, else with 1. Takes a minute or two.
`);

process.exit(
  await runNode(join(root, 'tools', 'test.mjs'), ['e2e/restore', ...process.argv.slice(2)], {
    env: { DSOPS_TEST_RESTORE: '1' },
  }),
);
