import { join } from 'node:path';
import { build } from './build.mjs';
import { root, runNode } from './run.mjs';

// The command has its own --help; building first keeps that help and the programs that it starts one.
await build();
process.exit(
  await runNode(join(root, 'stack', 'dist', 'program', 'main.js'), process.argv.slice(2), {
    // kafkajs waits for a moment that has passed, and Node says so.
    env: { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --disable-warning=TimeoutNegativeWarning`.trim() },
  }),
);
