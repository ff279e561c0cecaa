import { commandOf, runNode } from './run.mjs';

/** Compiles what has changed since the last time; says so only when it takes a while. Ends the process when it fails. */
export async function build() {
  let output = '';
  const note = setTimeout(() => process.stderr.write('building …\n'), 700);
  const code = await runNode(commandOf('tsc', 'typescript'), ['-b'], { onOutput: (chunk) => (output += chunk) });
  clearTimeout(note);
  if (code === 0) return;
  process.stderr.write(output);
  process.stderr.write('\nThe build failed: see above.\n');
  process.exit(1);
}
