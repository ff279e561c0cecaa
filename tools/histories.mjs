import { join } from 'node:path';
import { helpOnRequest, root, runNode } from './run.mjs';

helpOnRequest(`
pnpm test:histories [--runs N] [--seed S] [--path P]

Plays random histories (rotations, crashes, rollbacks, edits by others, lost and late answers, clocks that jump) against
the rotation engine with a model of the target, and checks every invariant of docs/engine.md after every step.

  --runs N    how many (2000); 20000 take some minutes
  --seed S    the same histories again
  --path P    with --seed: only the shrunk history that failed

A failure prints the history and how to replay it.
`);

// The sources as they are, without a build: the planted bugs run the same way on a copy.
process.exit(
  await runNode(join(root, 'apps/rotation/src/engine/histories/run-from-source.mjs'), process.argv.slice(2), {
    env: {
      NODE_OPTIONS: '--experimental-transform-types --disable-warning=ExperimentalWarning --conditions=@dsops/source',
    },
  }),
);
