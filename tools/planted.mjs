import { join } from 'node:path';
import { build } from './build.mjs';
import { helpOnRequest, root, runNode } from './run.mjs';
import { fetchTools } from './stack-tools.mjs';

helpOnRequest(`
pnpm test:planted [--kills | --stack] [--runs N] [--seed S] [--only NAME] [--shard I/N]

Breaks one rule of the rotation engine after the other, in a copy of its source, and expects the histories to notice:
proof that the proof can fail. Prints which invariant caught which fault.

  --kills     the same for the kill test: its cells have to turn red. Takes about a minute for each rule
  --stack     the same for events under faults on Dapr and Kafka: a short run has to count something wrong
  --only      rules with this in their name
  --shard     the I-th of N parts of them
  --runs, --seed   of the histories
`);

// The copies start from what is built here.
await build('.', 'e2e');
const args = process.argv.slice(2);
const proofs = { '--kills': 'e2e/planted/kill.mjs', '--stack': 'e2e/planted/events.mjs' };
const flag = Object.keys(proofs).find((name) => args.includes(name));
if (flag !== undefined) {
  if (flag === '--stack') await fetchTools(['dapr', 'kafka']);
  process.exit(
    await runNode(
      join(root, proofs[flag]),
      args.filter((arg) => arg !== flag),
    ),
  );
}
process.exit(await runNode(join(root, 'e2e/planted/histories.mjs'), args));
