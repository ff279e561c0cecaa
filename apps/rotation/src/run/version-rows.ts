import type { Tx } from '../database/tx.js';
import type { VaultService } from '../vault/vault.service.js';
import type { Happening } from '../engine/journal.js';
import type { Rotation } from '../engine/rotation.js';

/** What an entry means for the rows of the versions, done in the same transaction. */
export interface VersionChange {
  /** Refused by the target from now on, as a probe has shown, or never brought to it. */
  readonly ended: readonly string[];
  /** Slots that were emptied: whatever our records still have there has ended, too. */
  readonly emptiedSlots: readonly string[];
  /** PENDING is taken from it: it will not be CURRENT any more. */
  readonly discarded: string | null;
  /** Its end was intended and did not happen: it may be given out again. */
  readonly spared: string | null;
}

const NOTHING: VersionChange = { ended: [], emptiedSlots: [], discarded: null, spared: null };

/** @param rotation the one after the entry */
export function versionChange(rotation: Rotation, happening: Happening): VersionChange {
  const { plan, changed, newValue, isGenerated, known } = rotation;
  if (happening.kind === 'step' && happening.ends) {
    const version = [plan.newVersion, plan.oldVersion, plan.occupant].find((each) => each?.id === happening.ends);
    const isEmpty = version != null && changed[version.slot]?.live === null;
    return { ...NOTHING, ended: [happening.ends], emptiedSlots: isEmpty ? [version.slot] : [] };
  }
  if (happening.kind !== 'concluded' || happening.state === 'completed') return NOTHING;
  const { newVersion, oldVersion } = plan;
  const isOldGone = happening.state === 'rollback_failed' && oldVersion && known[oldVersion.id] !== 'accepted';
  return {
    ended: isGenerated && newValue === 'absent' ? [newVersion.id] : [],
    emptiedSlots: [],
    discarded: isGenerated ? newVersion.id : null,
    spared: oldVersion && !isOldGone ? oldVersion.id : null,
  };
}

/** Does what an entry means for the versions of the credential, in its transaction. */
export async function changeVersions(
  vault: VaultService,
  tx: Tx,
  credentialId: string,
  { after, happening, at }: { readonly after: Rotation; readonly happening: Happening; readonly at: Date },
): Promise<void> {
  const { ended, emptiedSlots, discarded, spared } = versionChange(after, happening);
  if (ended.length + emptiedSlots.length === 0 && discarded === null && spared === null) return;
  for (const version of await vault.versionsOf(tx, credentialId)) {
    if (version.id === discarded && version.label === 'PENDING')
      await vault.moveLabels(tx, credentialId, [{ versionId: version.id, from: 'PENDING', to: null }]);
    if (ended.includes(version.id) || (emptiedSlots.includes(version.slot) && version.endedAt === null))
      await vault.end(tx, version.id, at);
    if (version.id === spared && version.endIntendedAt !== null && version.endedAt === null)
      await vault.withdrawEnd(tx, version.id);
  }
}
