import { join } from 'node:path';
import { build } from './build.mjs';
import { commandOf, helpOnRequest, root, runNode } from './run.mjs';

helpOnRequest(`
pnpm test:planted [--kills] [--runs N] [--seed S] [--only NAME]

Breaks one rule of the rotation engine after the other, in a copy of its source, and expects the histories to notice:
proof that the proof can fail. Prints which invariant caught which fault.

  --kills     the same for the kill test: its cells have to turn red. Takes about a minute for each rule
  --only      rules with this in their name
  --runs, --seed   of the histories
`);

const args = process.argv.slice(2);
if (args.includes('--kills')) {
  await build();
  const built = await runNode(commandOf('tsc', 'typescript'), ['-b', join(root, 'e2e')]);
  if (built !== 0) process.exit(built);
  process.exit(await runNode(join(root, 'e2e/kill/planted.mjs'), args.filter((arg) => arg !== '--kills'))); // prettier-ignore
}
process.exit(await runNode(join(root, 'apps/rotation/src/rotation/histories/planted-bugs.mjs'), args));
