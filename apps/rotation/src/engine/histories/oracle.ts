import type { Entry, Outcome } from '../journal.js';
import type { DriverFacts } from '@dsops/drivers/driver';
import type { ModelStore, StoredRotation, StoredVersion } from './model-store.js';
import type { ModelTarget, TargetCommand } from './model-target.js';

export class Breach extends Error {
  constructor(
    readonly invariant: string,
    detail: string,
  ) {
    super(`${invariant}: ${detail}`);
  }
}

/** A look counts a minute, and a command may be under way for longer than that. */
const LONGEST_UNSEEN_MS = 200_000;

interface Jump {
  readonly atTrueMs: number;
  readonly ms: number;
}

/**
 * Judges from outside: it sees the target as it is, every value ever generated and what is durable, and asks the
 * engine nothing. Foreign edits are remembered, because what somebody else broke is no breach of ours.
 */
export class Oracle {
  readonly jumps: Jump[] = [];
  /** Slots that somebody else changed last. */
  private readonly edits = new Map<string, { readonly atMs: number; readonly value: string | null; untilMs: number }>();
  private readonly personActedAtMs = new Map<string, number>();
  /** What a rotation's journal heard last of a version. */
  private readonly heard = new Map<string, string>();
  /** When a rotation learnt that the target refuses a version. */
  private readonly refusedAtMs = new Map<string, number>();
  private readonly broken = new Set<string>();
  private readonly moves = new Map<string, number>();
  private readonly landedAtMs = new Map<string, number>();
  private wasCurrent = false;
  /** True time at which a worker first looked at the clock. */
  firstLookOf: (worker: string) => number = () => 0;

  constructor(
    private readonly facts: DriverFacts,
    private readonly slots: readonly string[],
    private readonly store: ModelStore,
    private readonly target: ModelTarget,
  ) {
    target.onReceived = (command) => this.received(command);
    target.onLanded = (command, before) => this.landed(command, before);
    store.onAppended = (rotation, entry) => this.appended(rotation, entry);
    store.onLabelsMoved = (_, to) => this.labelsMoved(to);
  }

  edited(slot: string): void {
    this.edits.set(slot, { atMs: this.target.nowMs, value: this.target.settled(slot).value, untilMs: Infinity });
  }

  /** Does the slot still show what somebody else did? What we did since has to spread first. */
  isForeign = (slot: string): boolean => (this.edits.get(slot)?.untilMs ?? 0) > this.target.nowMs;

  personActed(rotationId: string): void {
    this.personActedAtMs.set(rotationId, this.target.nowMs);
  }

  /** What a person has said, having seen these. */
  cleared(versionId: string, consumers: readonly string[], checkOuts: readonly string[]): void {
    this.clearances.set(versionId, consumers);
    for (const id of checkOuts) this.overridden.add(id);
  }
  private readonly clearances = new Map<string, readonly string[]>();
  private readonly overridden = new Set<string>();

  /** What must hold at every instant. */
  check(): void {
    const current = [...this.store.versions.values()].filter((version) => version.label === 'CURRENT');
    if (current.length > 1) throw new Breach('I7', `${current.length} versions are CURRENT`);
    if (this.wasCurrent && current.length === 0) throw new Breach('I7', 'nothing is CURRENT any more');
    this.wasCurrent ||= current.length === 1;
    const [version] = current;
    if (version && !this.isForeign(version.slot)) {
      if (![...this.store.versions.values()].some((each) => this.accepts(each)))
        throw new Breach('I1', 'the target accepts nothing that is durably known');
      if (!this.accepts(version) && !this.isInWindow()) throw new Breach('I3', `CURRENT ${version.name} is refused`);
    }
    for (const each of this.store.versions.values())
      if (each.endedAtMs !== null && this.accepts(each) && !this.isForeign(each.slot))
        throw new Breach('I2', `${each.name} is recorded as ended and the target accepts it`);
    this.checkLockout();
  }

  /** What must hold once nothing is open and nothing is under way. */
  checkEnd(): void {
    for (const slot of this.slots) {
      const { value, canLogin } = this.target.settled(slot);
      if (!canLogin || value === null || this.isForeign(slot)) continue;
      const known = [...this.store.versions.values()].find((version) => version.value === value);
      if (!known || known.endedAtMs !== null) throw new Breach('I2', `what ${slot} accepts is in no live record`);
    }
    for (const rotation of this.store.rotations) {
      const replayed = JSON.stringify(this.store.refold(rotation));
      if (replayed !== JSON.stringify(rotation.folded)) throw new Breach('I6', 'the journal replays to something else');
      const journal = JSON.stringify(rotation.entries);
      for (const { value } of this.store.versions.values())
        if (journal.includes(value)) throw new Breach('I10', 'a secret is in the journal');
    }
  }

  private accepts = (version: StoredVersion): boolean => this.target.accepts(version.slot, version.value);

  /** In one slot, between the set and the end of the rotation, CURRENT may be refused; so after a failed rollback. */
  private isInWindow(): boolean {
    if (this.broken.size > 0) return true;
    const open = this.store.open?.folded;
    return open?.plan.shape === 'in-place' && open.newValue !== 'absent';
  }

  private checkLockout(): void {
    const { lockout } = this.facts;
    if (!lockout) return;
    for (const slot of this.slots) {
      const recent = this.target.wrongLogins.filter(
        (each) => each.slot === slot && this.target.nowMs - each.atMs < lockout.windowMs,
      );
      if (recent.length > lockout.attempts && this.jumps.length === 0)
        throw new Breach('lock-out', `${recent.length} wrong logins on ${slot} within the window`);
    }
  }

  private received(command: TargetCommand): void {
    if (command.do !== 'set') return;
    const version = [...this.store.versions.values()].find((each) => each.value === command.value);
    if (!version) throw new Breach('I2', 'a value was sent that is not durably known');
    if (version.slot !== command.slot) throw new Breach('I9', `a value of ${version.slot} was set on ${command.slot}`);
  }

  private landed(command: TargetCommand, before: { value: string | null; canLogin: boolean }): void {
    const rotation = this.rotationOf(command.rotationId);
    if (rotation.folded.isSettled) throw new Breach('I5', `a ${command.do} landed after its rotation had ended`);
    const edit = this.isForeign(command.slot) ? this.edits.get(command.slot) : undefined;
    if (edit) this.edits.set(command.slot, { ...edit, untilMs: this.target.nowMs + this.facts.propagationMs });
    this.landedAtMs.set(command.slot, this.target.nowMs);
    if (!before.canLogin || before.value === null) return;
    const known = [...this.store.versions.values()].filter((each) => each.value === before.value);
    const victim = known.find((each) => each.id === command.ends) ?? known[0];
    if (victim && command.do === 'set' && victim.value === command.value) return;
    if (!victim) {
      if (edit && edit.value === before.value) this.endsForeign(rotation, command, edit.atMs);
      return;
    }
    this.endsOurs(rotation, command, victim, edit !== undefined);
  }

  /** A value that somebody else gave may die only where nobody could know of it, or where a person said so. */
  private endsForeign(rotation: StoredRotation, command: TargetCommand, editedAtMs: number): void {
    const { oldVersion, shape } = rotation.folded.plan;
    if (command.slot !== oldVersion?.slot || rotation.folded.turn) return;
    const wasSeen =
      (this.refusedAtMs.get(`${rotation.id} ${oldVersion.id}`) ?? -1) > editedAtMs + this.facts.propagationMs;
    const personActed = (this.personActedAtMs.get(rotation.id) ?? -1) >= editedAtMs;
    if (wasSeen && !personActed && (shape === 'in-place' || !rotation.folded.isRetireIntended))
      throw new Breach('I4', `a value that is not ours was ended on ${command.slot}`);
  }

  private endsOurs(rotation: StoredRotation, command: TargetCommand, victim: StoredVersion, isEdited: boolean): void {
    const { plan, turn } = rotation.folded;
    if (victim.id !== command.ends && !isEdited)
      throw new Breach('I4', `${victim.name} was ended, and the command says ${String(command.ends)}`);
    const isInPlace = command.do === 'set';
    if (!isInPlace) {
      if (victim.label === 'CURRENT') throw new Breach('I4', `${victim.name} was ended while it is CURRENT`);
      const { current } = this.store;
      if (current && !this.accepts(current) && !this.isForeign(current.slot))
        throw new Breach('I4', `${victim.name} was ended, and its replacement does not work`);
    }
    const isFailed = turn?.trigger === 'automatic' || rotation.folded.known[plan.newVersion.id] === 'refused';
    const wasCurrent = victim.id !== plan.newVersion.id || this.moves.has(`${rotation.id} ${victim.id}`);
    if (!isInPlace && wasCurrent && !(isFailed && victim.id === plan.newVersion.id)) {
      this.checkUnused(rotation, victim);
      this.checkHolds(command, victim);
    }
    if (isInPlace || turn || victim.id !== plan.oldVersion?.id) return;
    this.checkWaited(rotation, command, victim);
  }

  /** Who holds a session for longer than a look is apart from the next keeps its value, unless a person saw it there. */
  private checkUnused(rotation: StoredRotation, victim: StoredVersion): void {
    const { consumers } = rotation.folded.plan;
    if (consumers.kind === 'managed' || this.isForeign(victim.slot)) return;
    const cleared = this.clearances.get(victim.id);
    if (!cleared && consumers.quietForMs === null)
      throw new Breach('I4', `${victim.name} was ended, and nobody said that it is not in use`);
    for (const { application, sinceMs } of this.target.usersOf(victim.slot)) {
      const isSeen = this.target.nowMs - sinceMs > LONGEST_UNSEEN_MS;
      if (isSeen && !cleared?.some((name) => name.includes(`(${application})`)))
        throw new Breach('I4', `${victim.name} was ended while ${application} uses it`);
    }
  }

  private checkHolds(command: TargetCommand, victim: StoredVersion): void {
    const nowMs = this.target.nowMs;
    const bornMs = this.firstLookOf(command.by);
    for (const each of this.store.checkOuts) {
      if (each.versionId !== victim.id || each.isReleased || this.overridden.has(each.id)) continue;
      const excusedMs = this.excusedMs(each.grantedAtTrueMs, bornMs);
      if (nowMs + excusedMs < each.grantedAtTrueMs + each.ttlMs)
        throw new Breach('I4', `${victim.name} was ended while somebody holds it`);
    }
  }

  /** A clock that was set before the acting process first looked is a fact that nobody could measure. */
  private excusedMs(sinceMs: number, bornMs: number): number {
    return this.jumps
      .filter((jump) => jump.atTrueMs >= sinceMs && jump.atTrueMs <= bornMs)
      .reduce((sum, jump) => sum + Math.max(0, jump.ms), 0);
  }

  private checkWaited(rotation: StoredRotation, command: TargetCommand, victim: StoredVersion): void {
    const nowMs = this.target.nowMs;
    const published = this.publishedAtTrueMs.get(rotation.id);
    if (published === undefined) throw new Breach('I4', `${victim.name} was ended before the new value was published`);
    if (nowMs + this.excusedMs(published, this.firstLookOf(command.by)) < published + rotation.folded.plan.graceMs)
      throw new Breach('I4', `${victim.name} was ended within its grace period`);
  }

  private readonly publishedAtTrueMs = new Map<string, number>();

  private labelsMoved(to: string): void {
    const rotation = this.store.open?.folded;
    const expected =
      rotation && (to === rotation.plan.newVersion.id ? rotation.plan.oldVersion : rotation.plan.newVersion);
    if (!rotation) throw new Breach('I7', 'labels moved outside a rotation');
    if ((this.store.current?.id ?? null) !== (expected?.id ?? null))
      throw new Breach('I7', 'labels moved though CURRENT was not what the rotation took it for');
    const key = `${rotation.plan.rotationId} ${to}`;
    this.moves.set(key, (this.moves.get(key) ?? 0) + 1);
    if ((this.moves.get(key) ?? 0) > 1) throw new Breach('I6', 'the same labels moved twice');
    this.broken.clear();
  }

  private hear(rotation: StoredRotation, { verdict, isVerification }: Extract<Outcome, { kind: 'probed' }>): void {
    const intent = rotation.entries.findLast((each) => each.kind === 'intended');
    if (intent?.effect.do !== 'probe') return;
    const key = `${rotation.id} ${intent.effect.versionId}`;
    this.heard.set(key, isVerification ? 'accepted' : verdict);
    if (verdict === 'refused' && !isVerification) this.refusedAtMs.set(key, this.target.nowMs);
  }

  private appended(rotation: StoredRotation, entry: Entry): void {
    const { plan } = rotation.folded;
    if (entry.kind === 'ended' && entry.outcome.kind === 'probed') this.hear(rotation, entry.outcome);
    if (entry.kind === 'published') this.publishedAtTrueMs.set(rotation.id, this.target.nowMs);
    if (entry.kind === 'turned' && rotation.folded.isRetireIntended)
      throw new Breach('I4', 'a rollback began after the retire intent');
    if (entry.kind !== 'concluded') return;
    if (this.target.hasPending(rotation.id)) throw new Breach('I5', 'it ended while an attempt can still land');
    const [now, old] = [
      this.store.versions.get(plan.newVersion.id),
      plan.oldVersion && this.store.versions.get(plan.oldVersion.id),
    ];
    const acceptsNew = now !== undefined && this.accepts(now);
    switch (entry.state) {
      case 'completed':
        this.proven(rotation, now, 'accepted');
        if (old) this.proven(rotation, old, 'refused');
        if (!acceptsNew && !this.isForeign(plan.newVersion.slot))
          throw new Breach('I8', 'completed, and CURRENT is refused');
        return;
      case 'rolled_back':
        this.proven(rotation, old ?? undefined, 'accepted');
        if (old && !this.accepts(old) && !this.isForeign(old.slot))
          throw new Breach('I8', 'rolled back, and the old value is refused');
        return;
      case 'failed':
        if (acceptsNew && old && !this.isForeign(plan.newVersion.slot))
          throw new Breach('I5', 'failed, and the target has the new value');
        return;
      case 'rollback_failed':
        this.broken.add(rotation.id);
    }
  }

  /** A login with this value, made after all that was changed in its slot, said so, and none that was heard of later. */
  private proven(rotation: StoredRotation, version: StoredVersion | undefined, wanted: 'accepted' | 'refused'): void {
    const sinceMs = this.landedAtMs.get(version?.slot ?? '') ?? 0;
    const isSeen = this.target.probes.some(
      (probe) =>
        probe.value === version?.value &&
        probe.slot === version?.slot &&
        probe.verdict === wanted &&
        probe.atMs >= sinceMs,
    );
    if (!isSeen || this.heard.get(`${rotation.id} ${version?.id}`) !== wanted)
      throw new Breach('I8', `it ended without a login that shows ${version?.name ?? '?'} ${wanted}`);
  }

  private rotationOf(id: string): StoredRotation {
    const rotation = this.store.rotations.find((each) => each.id === id);
    if (!rotation) throw new Error(`No rotation ${id}`);
    return rotation;
  }
}
