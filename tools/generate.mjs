#!/usr/bin/env node
/**
 * Writes what is generated from libs/contracts: the lists in TypeScript that have an entry per service, and from them
 * JSON Schemas, AsyncAPI, OpenAPI, the topic list and two pages of docs.
 * The schemas in libs/contracts/generated/events are also the record of what was promised: a change that would break
 * a reader of a recorded event is refused here, whether the files are checked or written.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commandOf, root, runNode } from './run.mjs';
import { paint, readOptions, say } from './terminal.mjs';
import { WIRED_FOLDERS, wiring } from './wiring.mjs';

const help = `
Usage: node tools/generate.mjs [--check] [--forget TYPE]...

Writes the files that are generated from libs/contracts:
  libs/contracts/src/generated/*.ts       events, operations and consumers of all services
  libs/contracts/generated/events/*.json  JSON Schema of each event, and the record of what was promised
  libs/contracts/generated/*.json         envelope, topics, AsyncAPI 3.0, OpenAPI 3.1
  docs/generated/*.md                     the services, the event flow, the API
  compose.yaml                            the containers of the services, between its comments that say so
  apps/standalone                         the services that it hosts, and that it depends on them

  --check          write nothing; end with 1 when a file is stale or an event changed incompatibly
  --forget TYPE    replace or remove the record of this event. Only for a type that never was in a release:
                   events of a released type lie in databases and topics, and nothing could read them any more
  -h, --help       this text
`;

/** Written by hand but for the parts that follow from the services. */
const COMPOSE = 'compose.yaml';

const options = readOptions({
  help,
  options: {
    check: { type: 'boolean', default: false },
    forget: { type: 'string', multiple: true, default: [] },
  },
});

const fail = (lines) => {
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exit(1);
};

async function loadContracts() {
  let output = '';
  const code = await runNode(commandOf('tsc', 'typescript'), ['-b', 'libs/contracts-generate'], {
    onOutput: (chunk) => (output += chunk),
  });
  if (code !== 0) fail([output.trimEnd(), 'libs/contracts does not build, so nothing can be generated from it.']);
  return import(pathToFileURL(join(root, 'libs/contracts-generate/dist/index.js')).href);
}

/** Git may have given the files Windows line ends. */
const readText = (path) => readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n');

function write(path, text) {
  if (existsSync(join(root, path)) && readText(path) === text) return;
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function filesIn(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(posix.join(folder, entry.name)) : [posix.join(folder, entry.name)],
  );
}

/** Compares every recorded event with the present one: what breaks, and what consumers must know first. */
function compareWithRecord(contracts, files) {
  const broken = [];
  const early = [];
  for (const path of filesIn(contracts.EVENT_RECORDS)) {
    const type = posix.basename(path, '.json');
    if (options.forget.includes(type)) continue;
    const present = files.get(path);
    if (present === undefined) {
      broken.push(`${type}: it is recorded, and defined no longer`);
      continue;
    }
    for (const change of contracts.compareEvents(JSON.parse(readText(path)), JSON.parse(present))) {
      const sentence = `${type}: ${change.path === '' ? '' : `${change.path}: `}${change.message}`;
      if (change.level === 'breaking') broken.push(`${sentence}. Define ${contracts.nextVersionOf(type)} beside it`);
      else early.push(sentence);
    }
  }
  return { broken, early };
}

/** What it throws is said in a sentence. */
function orFail(make) {
  try {
    return make();
  } catch (error) {
    return fail([paint('red', error.message)]);
  }
}

const wired = orFail(() => wiring());
// What stands in the contracts follows from these, so they come first.
if (!options.check) for (const [path, text] of wired) write(path, text);
const contracts = await loadContracts();
const compose = orFail(() => contracts.composeFile(readText(COMPOSE)));
const files = new Map([...wired, ...contracts.generatedFiles(), [COMPOSE, compose]]);
const { broken, early } = compareWithRecord(contracts, files);

if (broken.length > 0)
  fail([
    paint('red', 'Events that may exist already would no longer be understood:'),
    ...broken.map((line) => `  ${line}`),
    'A type that never was in a release may be recorded anew: node tools/generate.mjs --forget TYPE',
  ]);

const missing = [...files.keys()].filter((path) => !existsSync(join(root, path)));
const changed = [...files.keys()].filter((path) => !missing.includes(path) && readText(path) !== files.get(path));
const leftOver = [...WIRED_FOLDERS, ...contracts.GENERATED_FOLDERS].flatMap(filesIn).filter((path) => !files.has(path));
const isFresh = missing.length + changed.length + leftOver.length === 0;

if (options.check && !isFresh)
  fail([
    paint('red', 'Generated files are stale:'),
    ...missing.map((path) => `  ${path} is missing`),
    ...changed.map((path) => `  ${path} differs`),
    ...leftOver.map((path) => `  ${path} is generated no longer`),
    'Mend it with: node tools/generate.mjs',
  ]);

if (!options.check) {
  for (const path of [...missing, ...changed]) write(path, files.get(path));
  for (const path of leftOver) rmSync(join(root, path));
}

if (early.length > 0) {
  say(paint('yellow', 'Every consumer must run this release before a producer says these:'));
  for (const line of early) say(`  ${line}`);
}
say(
  isFresh
    ? `${files.size} generated files are up to date.`
    : `${missing.length + changed.length} written, ${leftOver.length} removed, of ${files.size} generated files.`,
);
