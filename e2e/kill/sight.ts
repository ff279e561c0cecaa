import type { Strategy } from '@dsops/contracts/rotation/strategies';

/** A version as our own database has it, its value opened by a reader of the harness. */
export interface RecordedVersion {
  readonly id: string;
  readonly name: string;
  readonly slot: string;
  readonly label: 'PENDING' | 'CURRENT' | 'PREVIOUS' | null;
  readonly endedAtMs: number | null;
  /** Null: no sealed value that opens. */
  readonly value: string | null;
}

/** What our database says at one instant: one statement, so one snapshot. */
export interface Records {
  /** Its clock, milliseconds since 1970. */
  readonly atMs: number;
  /** Oldest first. */
  readonly versions: readonly RecordedVersion[];
  /** The rotation of the cell; null before it was started. */
  readonly rotation: {
    readonly id: string;
    readonly state: string;
    readonly isSettled: boolean;
    readonly seq: number;
  } | null;
  /** Check-outs that are neither released nor over. */
  readonly holds: readonly Hold[];
}

export interface Hold {
  readonly versionId: string;
  readonly expiresAtMs: number;
}

/** What a slot lets in. `foreign`: a value that nobody in the cell ever generated. */
export type Accepts =
  { readonly kind: 'nobody' } | { readonly kind: 'value'; readonly value: string } | { readonly kind: 'foreign' };

/** One look: our records, then the target, then our records again. */
export interface Sight {
  readonly before: Records;
  /** When the target was read, between the two. */
  readonly atMs: number;
  readonly accepted: ReadonlyMap<string, Accepts>;
  readonly after: Records;
}

/** What the judge has to know of a credential. */
export interface CellFacts {
  readonly strategy: Strategy;
  readonly slots: readonly string[];
  readonly graceMs: number;
}

/** A broken promise. Names versions and slots, never values. */
export interface Breach {
  readonly invariant: string;
  readonly detail: string;
}

export const currentOf = ({ versions }: Records): RecordedVersion | null =>
  versions.find((version) => version.label === 'CURRENT') ?? null;

export const accepts = (accepted: Sight['accepted'], slot: string, value: string | null): boolean => {
  const seen = accepted.get(slot);
  return value !== null && seen?.kind === 'value' && seen.value === value;
};
