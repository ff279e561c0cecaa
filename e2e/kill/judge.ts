import {
  accepts,
  currentOf,
  loginOf,
  type Breach,
  type CellFacts,
  type Hold,
  type RecordedVersion,
  type Sight,
} from './sight.js';

/** One real login with one value. */
export interface TriedLogin {
  readonly login: string;
  readonly value: string;
  readonly isAccepted: boolean;
}

/**
 * What must hold at every instant, whatever is killed. It sees what the target accepts and what is durable, and asks
 * the engine nothing. Pure: it remembers what it saw and knows no clock.
 */
export class Judge {
  /** Each breach once, in the order in which they were seen. */
  readonly breaches: Breach[] = [];
  /** In one slot: the longest time in which CURRENT was refused. */
  windowMs = 0;
  private windowSinceMs: number | null = null;
  private wasCurrent = false;
  /** By version: when it was last seen CURRENT before another one was. */
  private readonly lastCurrentMs = new Map<string, number>();

  constructor(private readonly facts: CellFacts) {}

  see(sight: Sight): void {
    this.lookForOrphans(sight);
    this.lookAtLabels(sight);
    this.lookAtCurrent(sight);
    this.lookAtEnds(sight);
    const current = currentOf(sight.before);
    if (current) this.lastCurrentMs.set(current.id, sight.before.atMs);
  }

  /** The oracle's own proof: where the catalogue said the same before and after, the logins in between say so too. */
  compare(logins: readonly TriedLogin[], before: Sight, after: Sight): void {
    for (const { login, value, isAccepted } of logins) {
      const isInCatalogue = accepts(this.facts, before.accepted, login, value);
      if (isInCatalogue === accepts(this.facts, after.accepted, login, value) && isInCatalogue !== isAccepted)
        this.breach('oracle', `the catalogue and a login as ${login} do not agree`);
    }
  }

  breach(invariant: string, detail: string): void {
    if (!this.breaches.some((known) => known.invariant === invariant && known.detail === detail))
      this.breaches.push({ invariant, detail });
  }

  /** I1, I2: what the target accepts is durable before it is accepted, so the later reading of our records counts. */
  private lookForOrphans({ accepted, after }: Sight): void {
    let isAnyKnown = false;
    for (const [slot, seen] of accepted) {
      if (seen.kind === 'nobody') continue;
      if (seen.kind === 'foreign') {
        this.breach('I2', `${slot} accepts a value that nobody generated`);
        continue;
      }
      const isKnown = after.versions.some((version) => version.value === seen.value);
      isAnyKnown ||= isKnown;
      if (!isKnown) this.breach('I2', `${slot} accepts a value that is sealed nowhere`);
      else if (!after.versions.some((version) => version.value === seen.value && this.sharesLogin(version.slot, slot)))
        this.breach('I9', `${slot} accepts a value that the records have for another login`);
    }
    if (currentOf(after) && !isAnyKnown) this.breach('I1', 'the target accepts nothing that is durably known');
  }

  /** I7 */
  private lookAtLabels({ after }: Sight): void {
    const current = after.versions.filter((version) => version.label === 'CURRENT');
    if (current.length > 1) this.breach('I7', `${current.length} versions are CURRENT`);
    if (this.wasCurrent && current.length === 0) this.breach('I7', 'nothing is CURRENT any more');
    this.wasCurrent ||= current.length > 0;
  }

  /** I3: judged when CURRENT was the same before and after the target was read. */
  private lookAtCurrent({ before, accepted, after, atMs }: Sight): void {
    const current = currentOf(before);
    if (!current || current.id !== currentOf(after)?.id) return;
    if (this.isAccepted(accepted, current)) {
      this.closeWindow(atMs);
      return;
    }
    if (this.facts.isInPlace && after.rotation?.isSettled === false) this.windowSinceMs ??= atMs;
    else this.breach('I3', `CURRENT is ${current.name}, and ${current.slot} refuses it`);
  }

  private isAccepted(accepted: Sight['accepted'], { slot, value }: RecordedVersion): boolean {
    return accepts(this.facts, accepted, loginOf(this.facts, slot), value);
  }

  private sharesLogin(one: string, other: string): boolean {
    return loginOf(this.facts, one) === loginOf(this.facts, other);
  }

  private closeWindow(atMs: number): void {
    if (this.windowSinceMs === null) return;
    this.windowMs = Math.max(this.windowMs, atMs - this.windowSinceMs);
    this.windowSinceMs = null;
  }

  /** I4 and I8: a value that was given out lives on, and what is recorded as ended has ended. */
  private lookAtEnds({ before, accepted, after, atMs }: Sight): void {
    for (const version of before.versions) {
      const isAccepted = this.isAccepted(accepted, version);
      if (version.endedAtMs !== null && isAccepted)
        this.breach('I8', `${version.name} is recorded as ended, and ${version.slot} accepts it`);
      if (isAccepted || this.facts.isInPlace || this.hasFailed(version, after)) continue;
      // Held before and after the target was read, so also in between.
      const isHeld = ({ versionId, expiresAtMs }: Hold) => versionId === version.id && expiresAtMs > after.atMs;
      if (before.holds.some(isHeld) && after.holds.some(isHeld))
        this.breach('I4', `${version.name} was ended while it was checked out`);
      const promotedAtMs = this.lastCurrentMs.get(version.id);
      if (promotedAtMs === undefined || currentOf(after)?.id === version.id) continue;
      // Published after it was last seen CURRENT, ended before it was seen refused: in truth it was even less.
      if (this.isFirstRefusal(version) && atMs - promotedAtMs < this.facts.graceMs)
        this.breach(
          'I4',
          `${version.name} was ended ${Math.round(atMs - promotedAtMs)} ms after it was CURRENT, within its grace`,
        );
    }
  }

  private readonly refused = new Set<string>();
  private isFirstRefusal({ id }: RecordedVersion): boolean {
    const isFirst = !this.refused.has(id);
    this.refused.add(id);
    return isFirst;
  }

  /** A rollback waits for no grace and no check-out: the labels went back to an older version. */
  private hasFailed(version: RecordedVersion, { versions, rotation }: Sight['after']): boolean {
    const isNew = versions.some((older) => older.id < version.id);
    return isNew && rotation !== null && ROLLING_BACK.has(rotation.state);
  }
}

const ROLLING_BACK: ReadonlySet<string> = new Set(['rollback_in_progress', 'rolled_back', 'rollback_failed']);
