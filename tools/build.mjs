#!/usr/bin/env node
import { makeDatabaseClients } from './database-clients.mjs';
import { commandOf, runNode } from './run.mjs';

/**
 * Makes the database clients and compiles, both only what has changed since the last time; says so only when it takes a
 * while. Ends the process when it fails.
 * @param {...string} projects folders below the root, with what they need; without any, the product
 */
export async function build(...projects) {
  let output = '';
  const note = setTimeout(() => process.stderr.write('building …\n'), 700);
  const code = await makeDatabaseClients().then(
    () => runNode(commandOf('tsc', 'typescript'), ['-b', ...projects], { onOutput: (chunk) => (output += chunk) }),
    (error) => {
      output = `${error.message}\n`;
      return 1;
    },
  );
  clearTimeout(note);
  if (code === 0) return;
  process.stderr.write(output);
  process.stderr.write('\nThe build failed: see above.\n');
  process.exit(1);
}

if (import.meta.main) await build(...process.argv.slice(2));
