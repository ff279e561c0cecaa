#!/usr/bin/env node
/** Builds, and starts the kill test in e2e/kill. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { helpOnRequest, layOut, root, runNode } from './run.mjs';
import { fetchTools } from './stack-tools.mjs';

helpOnRequest(`
Usage: pnpm test:kill [--driver KIND] [--layout NAME] [--plan NAME]... [--fault NAME]... [--cell TEXT] [--shard I/N] [--seed N] [--lanes N]
                      [--random N] [--every] [--results FILE] [--docs FILE] [--stack] [--json] [--digest]

Lets every fault happen at every point of every rotation: real processes and signals, on real servers with durable
settings. Whoever is left goes on, and what comes of it is judged from outside: an oracle in a process of its own, which
knows every value that was ever generated, watches the target and our database the whole time, while a client keeps
logging in with what it checked out.

Each plan and each way back is first run once without faults. The points that it passes are the cells: an effect at the
target has one before it and one after it but before the journal knows; a transaction one before its commit and one
after. A cell counts only if the fault happened at its point.

  --driver KIND   whose targets are rotated: postgresql unless said, on a server of its world
  --layout NAME   how its targets have their slots, where there is more than one way
  --plan NAME     two-key or immediate, or one of their ways: -undo, -return, -set-again, -retire-again; may be repeated
  --fault NAME    killed, killed-by-lease, answer-lost, answer-late, paused, target-restarted, database-restarted,
                  clock-ahead; may be repeated
  --cell TEXT     only cells with this in their name, such as two-key/set/ or /retire#1/after
  --shard I/N     the I-th of N parts
  --seed N        another order, and other parts
  --lanes N       rotations at the same time, each with servers of its own; 4 unless said
  --random N      also N kills at random instants
  --rollbacks N   also N rotations whose verification fails: how fast is the old value back?
  --every         also the points around bookkeeping, at which the same is durable as at another point
  --results FILE  keeps results by a digest of the sources that they depend on: what the same sources have shown before,
                  in whichever commit, is not done again
  --docs FILE     writes the whole table as a page
  --stack         events go through Dapr and Kafka, and a listener outside must hear each one, in order
  --json          the results as JSON on standard output
  --digest        tells that digest, and runs nothing

The whole takes about an hour. Ends with 0 when every cell was reached and nothing was broken, else with 1.
`);

await build('.', 'e2e');
if (process.argv.includes('--stack')) await fetchTools(['kafka', 'dapr']);
const code = await runNode(join(root, 'e2e', 'dist', 'kill', 'main.js'), process.argv.slice(2));
const { docs } = parseArgs({ options: { docs: { type: 'string' } }, strict: false }).values;
if (typeof docs === 'string') await layOut(docs);
process.exit(code);
