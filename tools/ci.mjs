#!/usr/bin/env node
/** Everything that must hold before a commit lands, one part after the other; at the end, how long each took. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { partsFor, PARTS } from './ci-parts.mjs';
import { root, runNode } from './run.mjs';
import { paint, readOptions, say } from './terminal.mjs';

const help = `
Usage: pnpm run ci [PART]... [--since REF] [--list]

Tests, check and a newcomer's start whole; of each longer proof the slice that the commit draws, and more of those whose
subject has changed. A part that fails stops no other. Without PART, all of them:
${PARTS.map(({ name, tool }) => `  ${name.padEnd(22)}${tool}`).join('\n')}

  --since REF  what has changed since then; HEAD~1 unless said
  --list       only tells what would run
  -h, --help   this text

Prints the minutes of each part. Ends with 0 when every part does, else with 1.
`;
const { since, list, positionals } = readOptions({
  help,
  options: { since: { type: 'string', default: 'HEAD~1' }, list: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const strange = positionals.find((name) => !PARTS.some((part) => part.name === name));
if (strange !== undefined) {
  process.stderr.write(`There is no part "${strange}". Parts: ${PARTS.map(({ name }) => name).join(', ')}.\n`);
  process.exit(2);
}

const git = (...args) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const lines = (text) => text.split('\n').filter(Boolean);

/** Without history, as in a shallow clone, everything counts as changed. */
function changedFiles() {
  try {
    return lines(git('diff', '--name-only', since));
  } catch {
    return lines(git('ls-files'));
  }
}

const parts = partsFor(git('rev-parse', 'HEAD').trim(), changedFiles()).filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
);
const commandOf = ({ tool, args }) => [`tools/${tool}`, ...args].join(' ');
if (list) {
  for (const part of parts) say(`${part.name.padEnd(22)}${commandOf(part)}${part.isTouched ? '  (changed)' : ''}`);
  process.exit(0);
}

const minutes = (ms) => (ms / 60_000).toFixed(1).padStart(6);
const results = [];
const startedMs = performance.now();
for (const part of parts) {
  say(paint('bold', `\n── ${part.name}: ${commandOf(part)}`));
  const partStartedMs = performance.now();
  const code = await runNode(join(root, 'tools', part.tool), part.args);
  results.push({ ...part, code, tookMs: performance.now() - partStartedMs });
}

say(paint('bold', '\n   minutes  part'));
for (const { code, tookMs, ...part } of results)
  say(
    `${code === 0 ? paint('green', '✓') : paint('red', '✗')}  ${minutes(tookMs)}  ${part.name.padEnd(22)}${commandOf(part)}${code === 0 ? '' : `  ended with ${code}`}`,
  );
say(`   ${minutes(performance.now() - startedMs)}  together`);
const failed = results.filter(({ code }) => code !== 0).map(({ name }) => name);
say(failed.length === 0 ? paint('green', 'Everything holds.') : paint('red', `Does not hold: ${failed.join(', ')}.`));
process.exitCode = failed.length === 0 ? 0 : 1;
