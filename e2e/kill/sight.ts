import type { Slot } from '@dsops/contracts/rotation/targets/define-target';
import type { Accepts } from '@dsops/drivers/kit/world';

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
  /** A new value takes the place of the old one. */
  readonly isInPlace: boolean;
  readonly slots: readonly Slot[];
  readonly graceMs: number;
}

/** A broken promise. Names versions and slots, never values. */
export interface Breach {
  readonly invariant: string;
  readonly detail: string;
}

export const currentOf = ({ versions }: Records): RecordedVersion | null =>
  versions.find((version) => version.label === 'CURRENT') ?? null;

/** The login under which the value of a slot is tried. Several slots can share one, each with a value of its own. */
export const loginOf = ({ slots }: CellFacts, name: string): string =>
  slots.find((slot) => slot.name === name)?.login ?? name;

/** Does the target let this login in with this value? */
export const accepts = (facts: CellFacts, accepted: Sight['accepted'], login: string, value: string | null): boolean =>
  value !== null &&
  facts.slots.some(({ name, login: own }) => {
    const seen = accepted.get(name);
    return own === login && seen?.kind === 'value' && seen.value === value;
  });
