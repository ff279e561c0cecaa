import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PlantedWorkspace } from './planted-workspace.js';

const clock = "import { Clock } from './clock.service.js';\n";
const nest = "import { Injectable } from '@nestjs/common';\n";

/** Each planted fault: its file, what stands in it, and the rule that must refuse it. */
const refused = [
  [
    'floating.service.ts',
    'const work = async () => 1;\nexport function start() { work(); }',
    '@typescript-eslint/no-floating-promises',
  ],
  ['anything.service.ts', 'export const read = (x: any): string => String(x);', '@typescript-eslint/no-explicit-any'],
  [
    'type-only.service.ts',
    `${nest}import type { Clock } from './clock.service.js';\n@Injectable()\nexport class A { constructor(private readonly clock: Clock) { this.clock.read(); } }`,
    'dsops/injected-types',
  ],
  [
    'type-import.ts',
    `${clock}export const read = (clock: Clock) => clock.read();`,
    '@typescript-eslint/consistent-type-imports',
  ],
  [
    'prismas-sql.repository.ts',
    'interface Client { $queryRaw(text: TemplateStringsArray): Promise<unknown> }\nexport const read = (client: Client) => client.$queryRaw`select 1`;',
    'dsops/one-way-for-sql',
  ],
  [
    'unsafe-sql.repository.ts',
    "interface Client { $executeRawUnsafe(text: string): Promise<number> }\nexport const write = (client: Client) => client['$executeRawUnsafe']('select 1');",
    'dsops/one-way-for-sql',
  ],
  ['second-meaning.ts', 'export interface Outcome { readonly status: number }', 'dsops/one-meaning'],
  ['says-too-little.ts', 'export type Facts = readonly string[];', 'dsops/one-meaning'],
  ['environment.service.ts', 'export const home = process.env.HOME;', 'no-restricted-properties'],
  [
    'named-environment.service.ts',
    "import { env } from 'node:process';\nexport const home = env.HOME;",
    'no-restricted-imports',
  ],
  ['ends.service.ts', 'export const end = () => process.exit(1);', 'no-restricted-properties'],
  ['reads-clock.ts', 'export const now = () => Date.now();', 'no-restricted-syntax'],
  ['makes-date.ts', 'export const now = () => new Date();', 'no-restricted-syntax'],
  ['throws-dice.ts', 'export const dice = () => Math.random();', 'no-restricted-syntax'],
  ['measures.ts', 'export const now = () => performance.now();', 'no-restricted-syntax'],
  [
    'http-error.service.ts',
    "import { NotFoundException } from '@nestjs/common';\nexport const fail = () => { throw new NotFoundException(); };",
    'no-restricted-imports',
  ],
  [
    'forgets.ts',
    "export function word(state: 'on' | 'off') { switch (state) { case 'on': return 1; } return 0; }",
    '@typescript-eslint/switch-exhaustiveness-check',
  ],
  ['prints.service.ts', "export const greet = () => console.log('hello');", 'no-console'],
  ['unused-disable.ts', '// eslint-disable-next-line no-console\nexport const one = 1;', null],
] as const;

const allowed = {
  'src/clock.service.ts': 'export class Clock { read() { return Date.now(); } }',
  'src/injected.service.ts': `${nest}${clock}@Injectable()\nexport class B { constructor(private readonly clock: Clock) { this.clock.read(); } }`,
  'src/token.service.ts': `import { Inject, Injectable } from '@nestjs/common';\nimport type { Clock } from './clock.service.js';\n@Injectable()\nexport class C { constructor(@Inject('clock') private readonly clock: Clock) { this.clock.read(); } }`,
  'src/config.ts': 'export const home = process.env.HOME;',
  'src/main.ts': 'process.exitCode = process.env.HOME === undefined ? 1 : 0;',
  'src/engine/journal.ts': 'export type Outcome = string;\nexport type RequestOutcome = number;',
  'src/instant.ts': 'export const instantOf = (ms: number) => new Date(ms);',
};

const workspace = new PlantedWorkspace(
  [
    'eslint.config.mjs',
    'tsconfig.base.json',
    'tsconfig.spec.json',
    'tools/lint/injected-types.mjs',
    'tools/lint/one-meaning.mjs',
    'tools/lint/one-way-for-sql.mjs',
  ],
  {
    'apps/rotation': {
      dependencies: ['@nestjs/common'],
      files: { ...allowed, ...Object.fromEntries(refused.map(([file, text]) => [`src/${file}`, text])) },
    },
  },
);

interface Report {
  readonly filePath: string;
  readonly messages: readonly { readonly ruleId: string | null; readonly message: string }[];
}

describe('the rules for what stands in a file', () => {
  const messages = new Map<string, Report['messages']>();

  beforeAll(async () => {
    const { stdout, stderr } = await workspace.run(['node_modules/eslint/bin/eslint.js', '--format', 'json', 'apps']);
    expect(stderr).toBe('');
    for (const report of JSON.parse(stdout) as Report[]) messages.set(report.filePath, report.messages);
  }, 60_000);

  afterAll(() => workspace.remove());

  const messagesOn = (path: string) => messages.get(join(workspace.root, 'apps/rotation', path));

  it.each(refused.map(([file, , rule]) => [file, rule] as const))(
    'refuse %s by %s, and nothing else in it',
    (file, rule) => expect(messagesOn(`src/${file}`)?.map(({ ruleId }) => ruleId)).toEqual([rule]),
  );

  it.each(Object.keys(allowed))('allow %s', (path) => expect(messagesOn(path)).toEqual([]));
});
