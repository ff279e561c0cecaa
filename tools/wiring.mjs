/**
 * What has an entry per service in TypeScript, from the list in libs/contracts/src/services.ts and from what lies in the
 * folder of each. It is text before it is code: nothing of it has to be built, so that a service that was just declared
 * can be.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

const LIST = 'libs/contracts/src/services.ts';
const STANDALONE = 'apps/standalone';
const CONTRACTS = 'libs/contracts/src';
/** Folders that hold such files and nothing else. */
export const WIRED_FOLDERS = [`${CONTRACTS}/generated`, `${STANDALONE}/src/generated`];
const HEADER = `// Generated from ${LIST}: node tools/generate.mjs\n`;
const LINE = /^export \{ (\w+) \} from '\.\/(\w+)\/service\.js';$/;

/** The names in the list, in alphabetical order. @throws Error naming what is not in order */
export function declaredServices() {
  const lines = readFileSync(join(root, LIST), 'utf8')
    .replaceAll('\r\n', '\n')
    .split('\n')
    .filter((line) => line !== '' && !/^(\/\*\*| \*)/.test(line));
  const names = lines.map((line) => {
    const [, name, folder] = LINE.exec(line) ?? [];
    if (name === undefined || name !== folder)
      throw new Error(`${LIST}: "${line}" is not \`export { name } from './name/service.js';\``);
    return name;
  });
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) throw new Error(`${LIST} lists ${twice} twice`);
  const folders = readdirSync(join(root, CONTRACTS)).filter((name) =>
    existsSync(join(root, CONTRACTS, name, 'service.ts')),
  );
  const forgotten = folders.filter((name) => !names.includes(name));
  if (forgotten.length > 0) throw new Error(`${LIST} does not list ${forgotten.join(', ')}, whose service.ts is there`);
  return names.sort();
}

/** The files by their path from the root. */
export function wiring(services = declaredServices()) {
  const having = (file) => services.filter((name) => existsSync(join(root, CONTRACTS, name, file)));
  const lines = (names, line) => HEADER + names.map((name) => `${line(name)}\n`).join('');
  return new Map([
    [`${CONTRACTS}/generated/events.ts`, lines(having('events.ts'), (name) => `import '../${name}/events.js';`)],
    [`${STANDALONE}/package.json`, hosting(services)],
    [`${STANDALONE}/src/generated/services.ts`, lines(services, (name) => `export { ${name} } from '@dsops/${name}';`)],
    [
      `${CONTRACTS}/generated/operations.ts`,
      lines(having('api.ts'), (name) => `export * as ${name} from '../${name}/api.js';`),
    ],
    [
      `${CONTRACTS}/generated/consumers.ts`,
      lines(having('consumers.ts'), (name) => `export * from '../${name}/consumers.js';`),
    ],
  ]);
}

/** The manifest of the app that hosts every service: it depends on each. */
function hosting(services) {
  const manifest = JSON.parse(readFileSync(join(root, STANDALONE, 'package.json'), 'utf8'));
  const dependencies = { ...manifest.dependencies };
  for (const name of services) dependencies[`@dsops/${name}`] = 'workspace:*';
  manifest.dependencies = Object.fromEntries(
    Object.entries(dependencies).sort(([one], [other]) => (one < other ? -1 : 1)),
  );
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
