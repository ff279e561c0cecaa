import { join } from 'node:path';
import { helpOnRequest, root, runNode } from './run.mjs';

helpOnRequest(`
pnpm test:planted [--runs N] [--seed S] [--only NAME]

Breaks one rule of the rotation engine after the other, in a copy of its source, and expects the histories to notice:
proof that the proof can fail. Prints which invariant caught which fault.
`);

process.exit(await runNode(join(root, 'apps/rotation/src/rotation/histories/planted-bugs.mjs'), process.argv.slice(2)));
