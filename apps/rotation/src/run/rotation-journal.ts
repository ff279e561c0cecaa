import type { Tx } from '../database/tx.js';
import { apply } from '../engine/fold.js';
import type { Entry, Happening } from '../engine/journal.js';
import type { Rotation } from '../engine/rotation.js';
import type { Hold, RotationRepository, RotationRow } from './rotation.repository.js';

/**
 * The journal of one rotation within one transaction: entries take effect at once and are written together, in one
 * statement, before the transaction ends.
 */
export class RotationJournal {
  private entries: Entry[] = [];
  private writtenSeq: number;
  private now: Rotation;

  /** @param fence of the lease under which a worker writes; null for what a person asks, under the row's lock */
  constructor(
    private readonly rotations: RotationRepository,
    readonly row: RotationRow,
    rotation: Rotation,
    private readonly facts: { readonly atMs: number; readonly fence: bigint | null },
  ) {
    this.now = rotation;
    this.writtenSeq = rotation.seq;
  }

  /** The rotation with everything that was added. */
  get rotation(): Rotation {
    return this.now;
  }

  add(happening: Happening): Rotation {
    const entry: Entry = { seq: this.now.seq + 1, atMs: this.facts.atMs, ...happening };
    this.now = apply(this.now, entry);
    this.entries.push(entry);
    return this.now;
  }

  /**
   * Writes what was added since the last time, and what becomes of the lease.
   * @throws Error when somebody else has written meanwhile, which the lock of the row rules out: the transaction ends
   */
  async write(tx: Tx, hold: Hold = { kind: 'as-it-is' }): Promise<void> {
    const { rotations, row, now, entries, writtenSeq } = this;
    const { fence } = this.facts;
    if (!(await rotations.append(tx, { id: row.id, fromSeq: writtenSeq, entries, after: now, fence }, hold)))
      throw new Error(`The journal of rotation ${row.id} has gone on without the one who holds it.`);
    this.entries = [];
    this.writtenSeq = now.seq;
  }
}
