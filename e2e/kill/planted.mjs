/**
 * Shows that the kill test can see: rules are broken one after the other in a copy of the source, and cells have to turn
 * red. A patch that no longer fits the source fails, too.
 *
 *   node e2e/kill/planted.mjs [--only <part of a name>]
 */
import { join } from 'node:path';
import { plantAll, run } from '../planted/plant.mjs';

const ENGINE = 'apps/rotation/src/engine';
const RUN = 'apps/rotation/src/run';
const VAULT = 'apps/rotation/src/vault/vault.service.ts';

/** `cells` or `spec`: where it has to be seen. */
const BUGS = [
  {
    name: 'the value is kept in memory until it is proven, and sealed then',
    patches: [
      [
        VAULT,
        'await this.versions.putSealed(tx, place, seal(this.key, place, value), createdAt);',
        `if (version.label !== 'PENDING') await this.versions.putSealed(tx, place, seal(this.key, place, value), createdAt);
         else UNSEALED.set(version.id, { place, value });`,
      ],
      [
        VAULT,
        'return { username: version.slot, password: await this.unseal(',
        'const kept = UNSEALED.get(versionId);\nif (kept) return { username: version.slot, password: kept.value };\nreturn { username: version.slot, password: await this.unseal(',
      ],
      [
        VAULT,
        'if (current === versionId) return true;',
        `const kept = UNSEALED.get(versionId);
         if (kept) await this.versions.putSealed(tx, kept.place, seal(this.key, kept.place, kept.value), new Date());
         UNSEALED.delete(versionId);
         if (current === versionId) return true;`,
      ],
      [
        VAULT,
        '\n@Injectable()\nexport class VaultService',
        '\nconst UNSEALED = new Map<string, any>();\n@Injectable()\nexport class VaultService',
      ],
    ],
    cells: ['--plan', 'two-key', '--fault', 'killed', '--cell', 'two-key/set/'],
  },
  {
    name: 'retire goes by position instead of the recorded id',
    patches: [
      [
        `${RUN}/target-effects.service.ts`,
        'session.retire(effect.slot,',
        "session.retire(effect.slot.replace(/_b$/, '_a'),",
      ],
    ],
    cells: ['--plan', 'two-key-undo', '--fault', 'killed', '--cell', '/retire#'],
  },
  {
    name: 'a lost answer is taken for a failure, and nobody looks what the target accepts',
    patches: [
      [
        `${ENGINE}/fold.ts`,
        "    case 'lost':\n      return {};",
        "    case 'lost':\n      return { session: null, ...answer(rotation, 'refused', null), newValue: 'absent' };",
      ],
    ],
    cells: ['--plan', 'two-key', '--fault', 'answer-lost', '--cell', '/set#1/'],
  },
  {
    name: 'grace and check-outs are not waited for',
    patches: [
      [`${ENGINE}/guard.ts`, 'if (question.waiver === null) {', 'if (nowMs < 0) {'],
      [`${ENGINE}/steps.ts`, 'const untilMs = Math.max(graceEndsAtMs, heldUntilMs);', 'const untilMs = nowMs;'],
    ],
    cells: ['--plan', 'two-key', '--fault', 'killed', '--cell', '/open-session#2/'],
  },
  {
    name: 'a clock that was set ahead counts as waiting',
    patches: [[`${ENGINE}/clock-watch.ts`, '? overMs + aheadMs : overMs', '? overMs : overMs']],
    cells: ['--plan', 'two-key', '--fault', 'clock-ahead', '--cell', 'grace/'],
  },
  {
    name: 'nobody tries whether the old value is refused',
    patches: [
      [
        `${ENGINE}/paths.ts`,
        "    'retire-old',\n    'probe-old-refused',\n    'complete',",
        "    'retire-old',\n    'complete',",
      ],
    ],
    cells: ['--plan', 'two-key', '--fault', 'killed', '--cell', '/retire#1/'],
  },
  {
    name: 'a check-out does not lock what it gives out',
    patches: [
      ['apps/rotation/src/vault/vault.repository.ts', "and label = 'CURRENT' for update`;", "and label = 'CURRENT'`;"],
    ],
    // The race is between two transactions of services that live: no kill makes it, so it is no cell.
    spec: { file: 'apps/rotation/src/check-out/check-out.int.spec.ts', proves: 'I4' },
  },
];

/** The cells: which of them are red. */
async function look(folder, { cells, spec }) {
  if (spec) return runSpec(folder, spec);
  const { stdout, stderr } = await run(
    join(folder, 'e2e/dist/kill/main.js'),
    [...cells, '--json', '--lanes', '4'],
    folder,
  );
  if (!stdout.startsWith('{')) return { problem: stderr.trim().slice(-500) };
  const { plain, cells: results } = JSON.parse(stdout);
  const red = [...plain, ...results].filter(({ outcome }) => outcome === 'broken');
  const problems = red.flatMap((result) => result.problems.filter((text) => /^(I\d+|events|end):/.test(text)));
  return {
    red: red.length,
    of: plain.length + results.length,
    caughtBy: [...new Set(problems.map((text) => text.split(':', 1)[0]))].sort(),
    example: problems[0],
  };
}

/** The tests of one spec: which of them are red. */
async function runSpec(folder, { file, proves }) {
  const { stderr } = await run(join(folder, 'tools/test.mjs'), [file, '--verbose', '--no-color'], folder);
  const red = [...stderr.matchAll(/^ *✕ (.*?)(?: \(\d+ m?s\))?$/gm)].map(([, title]) => title);
  const green = [...stderr.matchAll(/^ *✓ /gm)];
  if (red.length + green.length === 0) return { problem: stderr.trim().slice(-500) };
  return { red: red.length, of: red.length + green.length, caughtBy: [proves], example: red[0] };
}

await plantAll(BUGS, look);
