#!/usr/bin/env node
/**
 * The references between TypeScript projects follow from what each package.json depends on, so that nobody keeps them
 * by hand: a project for each workspace package that has a tsconfig.json, and one at the root that builds what is below
 * apps and libs.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { root } from './run.mjs';
import { paint, readOptions, say } from './terminal.mjs';

const help = `
Usage: node tools/references.mjs [--check]

Writes the "references" of every tsconfig.json from the dependencies in the package.json beside it.

  --check      write nothing; end with 1 when one differs
  -h, --help   this text
`;
const { check } = readOptions({ help, options: { check: { type: 'boolean', default: false } } });

/** Packages that lie at the root, each a project of its own. */
const AT_ROOT = ['stack', 'e2e', 'bench'];
/** What `tsc -b` at the root builds: the product, without the proofs. */
const isProduct = ({ folder }) => /^(apps|libs)\/|^stack$/.test(folder);

const below = (folder) =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => posix.join(folder, name)) : [];

const read = (folder, file) => JSON.parse(readFileSync(join(root, folder, file), 'utf8'));

const projects = [...below('libs'), ...below('apps'), ...AT_ROOT]
  .filter((folder) => ['package.json', 'tsconfig.json'].every((file) => existsSync(join(root, folder, file))))
  .map((folder) => ({ folder, ...read(folder, 'package.json') }));
const byName = new Map(projects.map((project) => [project.name, project]));
const ours = (dependencies = {}) => Object.keys(dependencies).flatMap((name) => byName.get(name) ?? []);

function needs(project, wanted, seen = new Set()) {
  if (seen.has(project.name)) return false;
  seen.add(project.name);
  return ours(project.dependencies).some((next) => next === wanted || needs(next, wanted, seen));
}

/** A package for tests may need in turn what it tests, which TypeScript refuses as a circle: specs are no part of a build. */
const referencesOf = (project) => [
  ...ours(project.dependencies),
  ...ours(project.devDependencies).filter((helper) => !needs(helper, project)),
];

const stale = [];
function keep(folder, paths) {
  const file = posix.join(folder, 'tsconfig.json');
  const text = readFileSync(join(root, file), 'utf8');
  const config = JSON.parse(text);
  const references = paths.sort().map((path) => ({ path }));
  if (JSON.stringify(config.references) === JSON.stringify(references)) return;
  stale.push(file);
  if (!check) writeFileSync(join(root, file), `${JSON.stringify({ ...config, references }, null, 2)}\n`);
}

for (const project of projects)
  keep(
    project.folder,
    referencesOf(project).map(({ folder }) => posix.relative(project.folder, folder)),
  );
keep(
  '.',
  projects.filter(isProduct).map(({ folder }) => folder),
);

if (check && stale.length > 0) {
  process.stderr.write(`${paint('red', 'References between projects are stale:')} ${stale.join(', ')}\n`);
  process.stderr.write('Mend it with: node tools/references.mjs\n');
  process.exitCode = 1;
} else say(`${projects.length} projects, ${stale.length} tsconfig.json written.`);
