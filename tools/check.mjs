#!/usr/bin/env node
/** Everything about the source that can be judged without running it. CI runs the same. */
import { join } from 'node:path';
import { makeDatabaseClients } from './database-clients.mjs';
import { commandOf, root, runNode } from './run.mjs';
import { paint, readOptions, say, seconds } from './terminal.mjs';

const depcruise = (config) => [
  commandOf('depcruise', 'dependency-cruiser'),
  ...['--config', config, '--output-type', 'err-long', 'apps', 'libs', 'stack'],
];

/** `first` runs alone before the others, because they read what it writes and the machine may be small. */
const PARTS = [
  { name: 'build', does: 'the packages compile', args: () => [join(root, 'tools', 'build.mjs')], first: true },
  {
    name: 'types',
    does: 'sources, specs and tests have no type error',
    args: () => [commandOf('tsc', 'typescript'), '-p', 'tsconfig.spec.json'],
    mend: 'Mend what it names, or see why with: node_modules/.bin/tsc -p tsconfig.spec.json',
  },
  {
    name: 'lint',
    does: 'ESLint with types',
    args: () => [commandOf('eslint'), '.'],
    mend: 'Some of it mends itself with: node_modules/.bin/eslint . --fix',
  },
  {
    name: 'boundaries',
    does: 'who may import whom; no cycles',
    args: () => depcruise('.dependency-cruiser.cjs'),
    mend: 'The rules and their reasons are in .dependency-cruiser.cjs',
  },
  {
    name: 'folders',
    does: 'no cycles between folders',
    args: () => depcruise('.dependency-cruiser.folders.cjs'),
    mend: 'The rule and its reason are in .dependency-cruiser.folders.cjs',
  },
  {
    name: 'format',
    does: 'Prettier',
    args: () => [commandOf('prettier'), '--check', '--log-level', 'warn', '--cache', '.'],
    mend: 'Mend it with: node_modules/.bin/prettier --write .',
  },
  {
    name: 'generated',
    does: 'generated files are fresh, events stay readable',
    args: () => [join(root, 'tools', 'generate.mjs'), '--check'],
  },
  {
    name: 'references',
    does: 'each tsconfig.json follows its package.json',
    args: () => [join(root, 'tools', 'references.mjs'), '--check'],
  },
  {
    name: 'services',
    does: 'services are what they declare',
    args: () => [join(root, 'tools', 'services.mjs')],
    mend: 'Services are declared in libs/contracts/src/services.ts and defined in apps/<service>/src/service.ts',
  },
  {
    name: 'compose',
    does: "compose.yaml keeps to Compose's schema",
    args: () => [join(root, 'tools', 'compose.mjs')],
  },
];

const help = `
Usage: pnpm check [PART]... [--serial]

Judges the source without running it. Without PART, all of it:
${PARTS.map(({ name, does }) => `  ${name.padEnd(12)}${does}`).join('\n')}

  --serial     one part at a time, instead of two
  -h, --help   this text

Ends with 0 when everything is in order, else with 1.
`;

const options = readOptions({
  help,
  options: { serial: { type: 'boolean', default: false } },
  allowPositionals: true,
});

const unknown = options.positionals.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  process.stderr.write(`There is no part "${unknown[0]}". Parts: ${PARTS.map(({ name }) => name).join(', ')}.\n`);
  process.exit(2);
}
const chosen = PARTS.filter(({ name }) => options.positionals.length === 0 || options.positionals.includes(name));

async function runPart({ name, does, args, mend }) {
  const startedMs = performance.now();
  const [file, ...rest] = args();
  let output = '';
  const env = process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' };
  const code = await runNode(file, rest, { env, onOutput: (chunk) => (output += chunk) });
  const mark = code === 0 ? paint('green', '✓') : paint('red', '✗');
  say(
    `${mark} ${name.padEnd(12)}${paint('dim', does.padEnd(50))}${seconds(performance.now() - startedMs).padStart(8)}`,
  );
  if (code !== 0) {
    say(output.trimEnd().replace(/^/gm, '    '));
    if (mend !== undefined) say(`    ${mend}`);
  }
  return { name, isGood: code === 0 };
}

/** Runs them two at a time: more would only wait for each other on the two cores that CI has. */
async function runAll(parts) {
  const waiting = [...parts];
  const results = [];
  const work = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) results.push(await runPart(part));
  };
  await Promise.all(Array.from({ length: options.serial ? 1 : 2 }, work));
  return results;
}

const startedMs = performance.now();
// Types, lint and boundaries read them, also where one of these runs alone.
await makeDatabaseClients().catch(({ message }) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
});
const results = [
  ...(await runAll(chosen.filter(({ first }) => first))),
  ...(await runAll(chosen.filter(({ first }) => !first))),
];
const failed = results.filter(({ isGood }) => !isGood).map(({ name }) => name);
const took = seconds(performance.now() - startedMs);
say();
if (failed.length === 0) say(paint('green', `All in order, in ${took}.`));
else {
  say(paint('red', `${failed.join(', ')}: not in order (${took}).`));
  say(`Run one part alone with: pnpm check ${failed[0]}`);
  process.exitCode = 1;
}
