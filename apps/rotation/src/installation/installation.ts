import { LONGEST_CHECK_OUT_MS } from '@dsops/contracts/rotation/api';

export type Mode = 'normal' | 'restored';

/** What the file beside the key file says: how far this installation has come. */
export interface Mark {
  readonly installationId: string;
  readonly highWater: bigint;
}

export interface FoundMark extends Mark {
  /** It was written in another folder, of which this one may be a copy. */
  readonly isElsewhere: boolean;
}

/** What the database says of itself. */
export interface Installation {
  readonly id: string;
  /** The key that its values are sealed with. */
  readonly keyId: string;
  /** While the master key is being changed: the one that it is changed to. */
  readonly nextKeyId: string | null;
  readonly mode: Mode;
  /** Since when it is restored, and why; null in mode `normal`. */
  readonly since: Date | null;
  readonly reason: string | null;
  readonly highWater: bigint;
  /** Check-outs that this database cannot know of may last until then; null when there are none. */
  readonly checkOutsPresumedUntil: Date | null;
}

/**
 * Why this database cannot be the latest state of the installation, null when it can. The mark is written after the
 * database has committed the same number and before the effect, so a database that was not put back is never behind it.
 *
 * | mark | database | |
 * |---|---|---|
 * | absent | never did anything | a new installation |
 * | absent | did something | came without its mark: from a copy |
 * | another installation's | | somebody else's database |
 * | written elsewhere | did something | moved, or copied as a whole: two could be at work |
 * | N | below N | from a copy made before the last effects |
 * | N | N or above | as it should be |
 */
export function whyRestored(
  mark: FoundMark | null | 'damaged',
  database: Pick<Installation, 'id' | 'highWater'> & { readonly hasServices: boolean },
): string | null {
  const didSomething = database.hasServices || database.highWater > 0n;
  if (mark === 'damaged') return 'The mark beside the key file cannot be read.';
  if (mark === null)
    return didSomething ? 'The database is not empty, but its mark beside the key file is missing.' : null;
  const isAnother = mark.installationId !== database.id;
  if (isAnother && (didSomething || mark.highWater > 0n))
    return 'The mark beside the key file belongs to another database.';
  if (mark.isElsewhere && didSomething)
    return 'The folder with key and mark was moved or copied: where it came from, another dsops may still be at work.';
  if (database.highWater < mark.highWater)
    return `The database is older than the last change that dsops made (${database.highWater} of ${mark.highWater}).`;
  return null;
}

/** Until when somebody may hold a value that this database has no record of, seen from an instant. */
export const presumedUntil = (fromMs: number): Date => new Date(fromMs + LONGEST_CHECK_OUT_MS);
