import type { Sighting } from '../consumers.js';
import { apply, fold } from '../fold.js';
import type { Entry } from '../journal.js';
import type { RecordedVersion } from '../plan.js';
import { begin, type Rotation } from '../rotation.js';
import { upgraded, type StoredEntry, type StoredHappening } from '../upgrade.js';

export interface StoredVersion extends RecordedVersion {
  /** Sealed with the row, so durable as long as the row is. */
  readonly value: string;
}

export interface CheckOut {
  readonly id: string;
  readonly versionId: string;
  readonly grantedAtMs: number;
  readonly grantedAtTrueMs: number;
  readonly ttlMs: number;
  readonly expiresAtMs: number;
  isReleased: boolean;
}

export interface StoredRotation {
  readonly id: string;
  readonly entries: StoredEntry[];
  folded: Rotation;
  fence: number;
  leaseUntilMs: number;
  wakeAtMs: number;
  sighting: Sighting | null;
}

/** Our own database as the engine needs it: what is here survives every crash. */
export class ModelStore {
  readonly versions = new Map<string, StoredVersion>();
  readonly rotations: StoredRotation[] = [];
  readonly checkOuts: CheckOut[] = [];
  onAppended: (rotation: StoredRotation, entry: Entry) => void = () => {};
  onLabelsMoved: (from: string | null, to: string) => void = () => {};

  get current(): StoredVersion | null {
    return [...this.versions.values()].find((version) => version.label === 'CURRENT') ?? null;
  }

  get open(): StoredRotation | null {
    return this.rotations.find((rotation) => !rotation.folded.isSettled) ?? null;
  }

  start(plan: Extract<StoredHappening, { kind: 'planned' }>['plan'], atMs: number): StoredRotation {
    const entry: StoredEntry = { seq: 1, atMs, kind: 'planned', plan };
    const rotation: StoredRotation = {
      id: plan.rotationId,
      entries: [entry],
      folded: begin(upgraded(entry)),
      fence: 0,
      leaseUntilMs: 0,
      wakeAtMs: 0,
      sighting: null,
    };
    this.rotations.push(rotation);
    return rotation;
  }

  /** Another's lease has run out, or nobody holds one: the fence moves on, and the former holder writes no more. */
  claim(nowMs: number, leaseMs: number): { rotation: StoredRotation; fence: number } | null {
    const rotation = this.rotations.find(
      (each) =>
        !each.folded.isSettled &&
        each.wakeAtMs <= nowMs &&
        // A lease longer than any that is given means that the clock was set back.
        (each.leaseUntilMs <= nowMs || each.leaseUntilMs > nowMs + leaseMs),
    );
    if (!rotation) return null;
    rotation.fence += 1;
    rotation.leaseUntilMs = nowMs + leaseMs;
    return { rotation, fence: rotation.fence };
  }

  /** @param fence null for a person's request, which needs no lease. @returns false when the fence has moved on. */
  append(rotation: StoredRotation, fence: number | null, happening: StoredHappening, atMs: number): boolean {
    if (fence !== null && rotation.fence !== fence) return false;
    const written = JSON.stringify({ seq: rotation.entries.length + 1, atMs, ...happening });
    const stored = JSON.parse(written) as StoredEntry;
    rotation.entries.push(stored);
    const entry = upgraded(stored);
    rotation.folded = apply(rotation.folded, entry);
    if (fence === null) rotation.wakeAtMs = 0;
    this.settleVersions(rotation, entry);
    this.onAppended(rotation, entry);
    return true;
  }

  refold = (rotation: StoredRotation): Rotation => fold(rotation.entries.map(upgraded));

  seal(version: StoredVersion): void {
    this.versions.set(version.id, version);
  }

  addCheckOut(checkOut: CheckOut): void {
    this.checkOuts.push(checkOut);
  }

  release(id: string): void {
    const held = this.checkOuts.find((each) => each.id === id);
    if (held) held.isReleased = true;
  }

  /** CURRENT by compare-and-set; what was CURRENT becomes PREVIOUS. */
  moveLabels(from: string | null, to: string): boolean {
    const before = this.current;
    if ((before?.id ?? null) !== from) return false;
    this.onLabelsMoved(from, to);
    if (before) this.change(before.id, { label: 'PREVIOUS' });
    this.change(to, { label: 'CURRENT' });
    return true;
  }

  change(id: string, patch: Partial<StoredVersion>): void {
    const version = this.versions.get(id);
    if (version) this.versions.set(id, { ...version, ...patch });
  }

  private settleVersions(rotation: StoredRotation, entry: Entry): void {
    const { newVersion } = rotation.folded.plan;
    if (entry.kind === 'step' && entry.ends) this.end(rotation.folded, entry.ends, entry.atMs);
    if (entry.kind === 'concluded' && entry.state !== 'completed') {
      this.change(newVersion.id, { label: null });
      if (rotation.folded.newValue === 'absent') this.end(rotation.folded, newVersion.id, entry.atMs);
    }
  }

  /** Where a retire emptied the slot, whatever our records still have there has ended with it. */
  private end({ changed }: Rotation, id: string, atMs: number): void {
    const slot = this.versions.get(id)?.slot;
    const isEmpty = slot !== undefined && changed[slot]?.live === null;
    for (const each of this.versions.values())
      if (each.id === id || (isEmpty && each.slot === slot && each.endedAtMs === null))
        this.change(each.id, { label: null, endedAtMs: atMs, verdict: 'refused' });
  }
}
