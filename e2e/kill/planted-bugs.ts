import type { PlantedBug } from '../planted/patch.js';

const ENGINE = 'apps/rotation/src/engine';
const RUN = 'apps/rotation/src/run';
const VAULT = 'apps/rotation/src/vault/vault.service.ts';

export interface KillBug extends PlantedBug {
  /** Options of the kill test that choose cells of which some have to turn red. */
  readonly cells?: readonly string[];
  /** Or the spec that has to turn red, and the invariant that it guards. */
  readonly spec?: { readonly file: string; readonly proves: string };
}

/**
 * Rules that are broken one after the other in a copy of the source: cells of the kill test, or a spec, have to turn red
 * (e2e/planted/kill.mjs).
 */
export const PLANTED_BUGS: readonly KillBug[] = [
  {
    name: 'the value is kept in memory until it is proven, and sealed then',
    patches: [
      [
        VAULT,
        'await this.versions.putSealed(tx, place, this.sealer.seal(place, value), createdAt);',
        `if (version.label !== 'PENDING') await this.versions.putSealed(tx, place, this.sealer.seal(place, value), createdAt);
         else UNSEALED.set(version.id, { place, value });`,
      ],
      [
        VAULT,
        '      password: await this.unseal(tx, versionPlace(version),',
        '      password: UNSEALED.get(versionId)?.value ?? await this.unseal(tx, versionPlace(version),',
      ],
      [
        VAULT,
        'if (current === versionId) return true;',
        `const kept = UNSEALED.get(versionId);
         if (kept) await this.versions.putSealed(tx, kept.place, this.sealer.seal(kept.place, kept.value), new Date());
         UNSEALED.delete(versionId);
         if (current === versionId) return true;`,
      ],
      [VAULT, '\nexport class VaultService', '\nconst UNSEALED = new Map<string, any>();\nexport class VaultService'],
    ],
    cells: ['--plan', 'two-key', '--fault', 'killed', '--cell', 'two-key/set/'],
  },
  {
    name: 'retire goes by position instead of the recorded id',
    patches: [
      [
        `${RUN}/target-effects.service.ts`,
        'session.retire(slotOf(inputs.plan, effect.slot),',
        "session.retire({ name: effect.slot, login: effect.slot.replace(/_b$/, '_a') },",
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
      [`${ENGINE}/guard.ts`, 'if (!waived.grace) {', 'if (nowMs < 0) {'],
      [`${ENGINE}/guard.ts`, 'if (!waived.checkOuts) {', 'if (nowMs < 0) {'],
      [
        `${ENGINE}/release.ts`,
        'const untilMs = Math.max(graceEndsAtMs, heldUntilMs, askAtMs);',
        'const untilMs = nowMs;',
      ],
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
    name: 'a worker that has lost its lease is let in',
    patches: [[`${RUN}/turn.service.ts`, 'loaded.row.fence !== lease.fence || ', '']],
    // Between two living workers `seq` and the end of the rotation keep the former one out, too: no cell can see it.
    spec: { file: `${RUN}/fence.int.spec.ts`, proves: 'the fence' },
  },
  {
    name: 'the fence does not stand in the write',
    patches: [[`${RUN}/rotation.repository.ts`, ' and (${fence}::bigint is null or fence = ${fence}::bigint)', '']],
    spec: { file: `${RUN}/fence.int.spec.ts`, proves: 'the fence' },
  },
  {
    name: 'labels are moved wherever they are',
    patches: [['apps/rotation/src/vault/vault.repository.ts', ' && label === from', '']],
    spec: { file: 'apps/rotation/src/vault/vault.int.spec.ts', proves: 'I7' },
  },
  {
    name: 'who was not seen when a person said so does not hold the value again',
    patches: [
      [
        `${ENGINE}/consumers.ts`,
        'if (cleared !== null && sighting.consumers.every((each) => cleared.includes(nameOf(each)))) return true;',
        'if (cleared !== null) return true;',
      ],
    ],
    // It takes somebody who comes in the instant between a person's word and the end.
    spec: { file: `${ENGINE}/guard.spec.ts`, proves: 'I4' },
  },
  {
    name: 'a slot that was never proven idle is taken for idle',
    patches: [
      [
        `${ENGINE}/plan.ts`,
        'occupant: occupant && targetSlot.name !== current?.slot ? refOf(occupant) : null,',
        'occupant: null,',
      ],
    ],
    // A way back waits until its value is ended: what is left in a slot after it is rare, also among thousands of histories.
    spec: { file: `${ENGINE}/plan.spec.ts`, proves: 'I4' },
  },
  {
    name: 'a check-out does not lock what it gives out',
    patches: [
      ['apps/rotation/src/vault/vault.repository.ts', "and label = 'CURRENT' for update`", "and label = 'CURRENT'`"],
    ],
    // The race is between two transactions of services that live: no kill makes it, so it is no cell.
    spec: { file: 'apps/rotation/src/check-out/check-out.int.spec.ts', proves: 'I4' },
  },
];
