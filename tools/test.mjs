import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { commandOf, helpOnRequest, root, runNode } from './run.mjs';

helpOnRequest(`
pnpm test [path or name …] [options of Jest]

Builds, starts a PostgreSQL for the run, and runs every *.spec.ts on it: unit, database and acceptance tests.

  pnpm test libs/messaging         the tests below a folder
  pnpm test -t "keeps the lease"   the tests with this name

Longer proofs have commands of their own: see "More commands" in the README.
`);

await build();
const report = join(mkdtempSync(join(tmpdir(), 'dsops-report-')), 'jest.json');
const args = ['--config', join(root, 'jest.config.mjs'), '--json', `--outputFile=${report}`, ...process.argv.slice(2)];
const code = await runNode(commandOf('jest'), args, {
  env: {
    NODE_OPTIONS:
      `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`.trim(),
  },
  // With --json Jest prints its results on standard output too; what people read is on standard error.
  stdio: ['inherit', 'ignore', 'inherit'],
});
try {
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
  console.log(
    `${numPassedTests} passed, ${numFailedTests} failed${numPendingTests ? `, ${numPendingTests} skipped` : ''}`,
  );
} catch {
  console.log('The tests did not run.');
}
rmSync(join(report, '..'), { recursive: true, force: true });
process.exit(code);
