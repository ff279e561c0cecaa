import type { TargetAddress } from '@dsops/contracts/rotation/targets/define-target';
import type { Verdict } from '@dsops/contracts/rotation/states';

export type VersionLabel = 'PENDING' | 'CURRENT' | 'PREVIOUS';

/** A version without its value. Slot, login and target are frozen in it (I9). */
export interface Version {
  readonly id: string;
  readonly credentialId: string;
  /** What people see: `2026-11-21-1430-abc123`. */
  readonly name: string;
  /** Where at the target its value lives, and the login under which it is used. */
  readonly slot: string;
  readonly login: string;
  readonly target: TargetAddress;
  /** Null when only history remembers it. */
  readonly label: VersionLabel | null;
  /** What the last probe said; null when it was never probed. */
  readonly verdict: Verdict | null;
  readonly verdictAt: Date | null;
  readonly createdAt: Date;
  /** Since then an effect that ends its life may have happened: no check-out is given. */
  readonly endIntendedAt: Date | null;
  /** Since then the target refuses it, as a probe has shown. */
  readonly endedAt: Date | null;
  /** Nothing sets or promotes it again. */
  readonly burnedAt: Date | null;
}

/** A label's way: it moves only if the version still has `from`. Null: no label. */
export interface LabelMove {
  readonly versionId: string;
  readonly from: VersionLabel | null;
  readonly to: VersionLabel | null;
}

/** The moves that make `next` CURRENT: the one that was CURRENT becomes PREVIOUS, the one that was PREVIOUS is let go. */
export function promotion(versions: readonly Version[], next: string): LabelMove[] {
  const labelled = (label: VersionLabel) => versions.find((version) => version.label === label && version.id !== next);
  const [previous, current] = [labelled('PREVIOUS'), labelled('CURRENT')];
  return [
    ...(previous === undefined ? [] : [{ versionId: previous.id, from: previous.label, to: null }]),
    ...(current === undefined ? [] : [{ versionId: current.id, from: current.label, to: 'PREVIOUS' as const }]),
    { versionId: next, from: versions.find(({ id }) => id === next)?.label ?? null, to: 'CURRENT' },
  ];
}
