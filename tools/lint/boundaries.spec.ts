import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PlantedWorkspace } from './planted-workspace.js';

/** Each planted edge: the file it stands in, and the rule that must refuse it. */
const refused = [
  ['apps/rotation/src/hears-audit.service.ts', 'no-app-in-an-app'],
  ['apps/rotation/src/reaches-over.service.ts', 'through-the-front-door'],
  ['apps/rotation/src/reads-audit.repository.ts', 'own-database-only'],
  ['apps/rotation/src/uses-testing.service.ts', 'testing-in-specs-only'],
  ['apps/rotation/src/undeclared.service.ts', 'no-undeclared-package'],
  ['apps/rotation/src/nowhere.service.ts', 'no-unresolvable'],
  ['apps/rotation/src/dev-only.service.ts', 'no-dev-dependency'],
  ['apps/rotation/src/decides.ts', 'pure-file'],
  ['apps/rotation/src/chicken.ts', 'no-cycles'],
  ['apps/rotation/src/key.ts', 'no-cycles'],
  ['apps/rotation/src/engine/asks-the-vault.ts', 'engine-is-pure'],
  ['apps/rotation/src/engine/knows-a-target.ts', 'engine-is-pure'],
  ['apps/rotation/src/engine/needs-node.ts', 'engine-is-pure'],
  ['libs/kernel/src/looks-up.ts', 'kernel-looks-down-only'],
  ['libs/kernel/src/nest.ts', 'kernel-is-pure'],
  ['libs/kernel/src/files.ts', 'kernel-is-pure'],
  ['libs/background/src/looks-up.ts', 'background-looks-down-only'],
  ['libs/background/src/nest.ts', 'kernel-is-pure'],
  ['libs/contracts/src/looks-up.ts', 'contracts-looks-down-only'],
  ['libs/platform/src/looks-up.ts', 'platform-looks-down-only'],
  ['libs/api-client/src/looks-up.ts', 'api-client-looks-down-only'],
  ['libs/api-client/src/needs-node.ts', 'client-runs-anywhere'],
  ['libs/api-client/src/waits.ts', 'client-runs-anywhere'],
  ['libs/database/src/looks-up.ts', 'database-looks-down-only'],
  ['libs/messaging/src/knows-an-app.ts', 'no-app-in-a-lib'],
  ['libs/messaging/src/reads-rotation.ts', 'no-client-in-a-lib'],
  ['apps/audit/src/starts-servers.ts', 'no-stack-in-the-product'],
  ['stack/src/servers/knows-an-app.ts', 'servers-serve-anybody'],
  ['stack/src/tools/looks-up.ts', 'servers-serve-anybody'],
] as const;

const index = { 'src/index.ts': 'export const here = 1;' };
const CONFIGURATION = ['.dependency-cruiser.cjs', '.dependency-cruiser.folders.cjs'];
const workspace = new PlantedWorkspace([...CONFIGURATION, 'tsconfig.base.json', 'tsconfig.spec.json'], {
  'libs/kernel': {
    dependencies: ['@dsops/contracts', '@nestjs/common'],
    files: {
      ...index,
      'src/looks-up.ts': "export { here } from '@dsops/contracts';",
      'src/nest.ts': "export { Injectable } from '@nestjs/common';",
      'src/files.ts': "export { readFileSync } from 'node:fs';",
    },
  },
  'libs/background': {
    dependencies: ['@dsops/messaging', '@nestjs/common'],
    files: {
      ...index,
      'src/looks-up.ts': "import '@dsops/messaging';",
      'src/nest.ts': "export { Injectable } from '@nestjs/common';",
    },
  },
  'libs/contracts': {
    dependencies: ['@dsops/platform', '@dsops/kernel'],
    files: { 'src/index.ts': "export { here } from '@dsops/kernel';", 'src/looks-up.ts': "import '@dsops/platform';" },
  },
  'libs/api-client': {
    dependencies: ['@dsops/platform', '@dsops/database'],
    files: {
      ...index,
      'src/looks-up.ts': "import '@dsops/platform';",
      'src/needs-node.ts': "import { wait } from './waits.js'; export const here = wait;",
      'src/waits.ts': "import { setTimeout } from 'node:timers/promises'; export const wait = setTimeout;",
    },
  },
  'libs/platform': {
    dependencies: ['@dsops/messaging'],
    files: {
      ...index,
      'src/looks-up.ts': "import type { here } from '@dsops/messaging'; export type It = typeof here;",
    },
  },
  'libs/database': {
    dependencies: ['@dsops/messaging'],
    exports: {
      '.': './src/index.ts',
      './rotation': './rotation/client/client.ts',
      './audit': './audit/client/client.ts',
    },
    files: {
      ...index,
      'rotation/client/client.ts': 'export const client = 1;',
      'audit/client/client.ts': 'export const client = 2;',
      'src/looks-up.ts': "import '@dsops/messaging';",
    },
  },
  'libs/messaging': {
    dependencies: ['@dsops/rotation', '@dsops/database', '@dsops/platform'],
    files: {
      'src/index.ts': "import '@dsops/platform'; import '@dsops/database'; export const here = 1;",
      // Three folders in a circle, though no file of theirs is.
      'src/inbox/judge.ts': "import '../outbox/relay.js';",
      'src/inbox/place.ts': 'export const place = 1;',
      'src/outbox/relay.ts': "import '../letters/letter.js';",
      'src/letters/letter.ts': "import type { place } from '../inbox/place.js'; export type Letter = typeof place;",
      'src/knows-an-app.ts': "import '@dsops/rotation';",
      'src/reads-rotation.ts': "import '@dsops/database/rotation';",
    },
  },
  'libs/drivers': {
    exports: { './driver': './src/driver.ts', './postgresql': './src/postgresql/postgresql.ts' },
    files: { 'src/driver.ts': 'export const driver = 1;', 'src/postgresql/postgresql.ts': "import '../driver.js';" },
  },
  'libs/testing': { files: index },
  'apps/audit': {
    dependencies: ['@dsops/stack'],
    files: { ...index, 'src/starts-servers.ts': "import '@dsops/stack';" },
  },
  stack: {
    dependencies: ['@dsops/kernel', '@dsops/rotation'],
    files: {
      'src/index.ts': "import './servers/kafka.js';",
      'src/servers/kafka.ts': "import '@dsops/kernel';",
      'src/servers/knows-an-app.ts': "import '@dsops/rotation';",
      'src/tools/looks-up.ts': "import '../program/main.js';",
      'src/program/main.ts': "import '@dsops/rotation'; import '../servers/kafka.js';",
    },
  },
  'apps/standalone': {
    dependencies: ['@dsops/rotation', '@dsops/audit'],
    files: { 'src/main.ts': "import '@dsops/rotation'; import '@dsops/audit';" },
  },
  'apps/rotation': {
    dependencies: [
      ...['@dsops/audit', '@dsops/contracts', '@dsops/database', '@dsops/drivers', '@dsops/kernel'],
      ...['@dsops/messaging', '@nestjs/common'],
    ],
    devDependencies: ['@dsops/testing', 'fast-check'],
    files: {
      ...index,
      'src/hears-audit.service.ts': "import '@dsops/audit';",
      'src/reaches-over.service.ts': "import '../../../libs/kernel/src/index.js';",
      'src/reads-audit.repository.ts': "import '@dsops/database/audit';",
      'src/uses-testing.service.ts': "import '@dsops/testing';",
      'src/undeclared.service.ts': "import 'prettier';",
      'src/nowhere.service.ts': "import 'left-pad';",
      'src/dev-only.service.ts': "import 'fast-check';",
      'src/engine/asks-the-vault.ts': "import type { Tx } from '../database/tx.js'; export type It = Tx;",
      'src/engine/knows-a-target.ts': "import '@dsops/drivers/postgresql';",
      'src/engine/needs-node.ts': "import { randomBytes } from 'node:crypto'; export const it = randomBytes;",
      'src/decides.ts': "import '@nestjs/common';",
      'src/chicken.ts': "import { egg } from './egg.js'; export const chicken = () => egg;",
      'src/egg.ts': "import { chicken } from './chicken.js'; export const egg = () => chicken;",
      'src/lock.ts': "import type { Key } from './key.js'; export interface Lock { key: Key }",
      'src/key.ts': "import type { Lock } from './lock.js'; export interface Key { lock: Lock }",
      // Allowed, and beside the planted ones so that a rule which refuses everything is found too:
      'src/acts.service.ts': "import '@nestjs/common'; import '@dsops/messaging'; import '@dsops/kernel';",
      'src/reads-own.repository.ts': "import '@dsops/database/rotation';",
      'src/uses-testing.spec.ts': "import '@dsops/testing'; import 'fast-check';",
      'src/pure.ts': "import '@dsops/kernel';",
      'src/engine/decide.ts':
        "import './plan.js'; import '@dsops/contracts'; import '@dsops/kernel'; import '@dsops/drivers/driver';",
      'src/engine/plan.ts': 'export const plan = 1;',
      'src/engine/histories/world.ts': "import 'fast-check'; import '../plan.js';",
      // Folders one above the other; a spec may look up, and every file may use the root of src.
      'src/vault/vault.service.ts': "import '../database/tx.js'; import '../pure.js';",
      'src/vault/vault.int.spec.ts': "import '../run/turn.service.js';",
      'src/run/turn.service.ts': "import '../vault/vault.service.js';",
      'src/database/tx.ts': "import '@dsops/database/rotation';",
      'src/wires.service.ts': "import './run/turn.service.js';",
    },
  },
});

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

async function cruise(configuration: string): Promise<Violation[]> {
  const { stdout, stderr } = await workspace.run([
    'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
    ...['--config', configuration, '--output-type', 'json', 'apps', 'libs', 'stack'],
  ]);
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}

afterAll(() => workspace.remove());

describe('the directions between packages', () => {
  let violations: Violation[] = [];
  beforeAll(async () => void (violations = await cruise('.dependency-cruiser.cjs')), 30_000);

  const rulesAgainst = (file: string) => violations.filter(({ from }) => from === file).map(({ rule }) => rule.name);

  it.each(refused)('refuse %s by the rule %s', (file, rule) => expect(rulesAgainst(file)).toContain(rule));

  it('allow everything else', () => {
    // A cycle is reported at one of its files, whichever is met first.
    const planted = new Set<string>([...refused.map(([file]) => file), 'apps/rotation/src/lock.ts']);
    expect(violations.filter(({ from }) => !planted.has(from))).toEqual([]);
  });
});

describe('the directions between folders', () => {
  it('refuse a circle, and allow everything else', async () => {
    const found = (await cruise('.dependency-cruiser.folders.cjs')).map(({ from, rule }) => [from, rule.name]);
    const circle = ['inbox', 'letters', 'outbox'].map((folder) => [`libs/messaging/src/${folder}`, 'no-folder-cycles']);
    expect(found.toSorted()).toEqual(circle);
  }, 30_000);
});
