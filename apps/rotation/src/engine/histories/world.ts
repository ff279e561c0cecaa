import { presetOf, type Strategy } from '@dsops/contracts/rotation/strategies';
import type { DriverFacts } from '@dsops/drivers/driver';
import { namesOf } from '../consumers.js';
import { ENGINE_VERSION, place, type Plan, type PlannedConsumers } from '../plan.js';
import { nextStep } from '../rotation.js';
import { endingAt } from '../steps.js';
import { isFresh } from '../guard.js';
import { canRollBack } from '../way-back.js';
import { ModelStore } from './model-store.js';
import { ModelTarget, type Fate } from './model-target.js';
import { ModelWorker } from './model-worker.js';
import { Breach, Oracle } from './oracle.js';

export type OnConflict = 'reject' | 'queue' | 'replace';

/** What can happen in a history. Workers are 0 and 1. */
export type Command =
  | { readonly do: 'run'; readonly worker: number; readonly ticks: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'rotate'; readonly strategy: Strategy; readonly onConflict: OnConflict }
  | { readonly do: 'roll-back' }
  | { readonly do: 'resume' }
  | { readonly do: 'crash'; readonly worker: number }
  | { readonly do: 'pause'; readonly worker: number }
  | { readonly do: 'wake'; readonly worker: number }
  | { readonly do: 'fate'; readonly fate: Fate }
  | { readonly do: 'unreachable'; readonly is: boolean }
  | { readonly do: 'trust'; readonly is: boolean }
  | { readonly do: 'break-verification' }
  | { readonly do: 'edit'; readonly slot: number; readonly locks: boolean }
  | { readonly do: 'relabel' }
  | { readonly do: 'check-out'; readonly ttlMs: number }
  | { readonly do: 'release' }
  | { readonly do: 'use'; readonly slot: number }
  | { readonly do: 'leave'; readonly slot: number }
  | { readonly do: 'clear'; readonly overridesCheckOuts: boolean }
  | { readonly do: 'jump'; readonly ms: number };

export interface Setting {
  readonly slots: 1 | 2;
  readonly hasCurrent: boolean;
  readonly graceMs: number;
  /** Left out by the tapes of engines that knew none: managed. */
  readonly consumers?: PlannedConsumers;
  readonly isRollbackAutomatic: boolean;
  readonly facts: Omit<DriverFacts, 'evidence'>;
}

const TICK_MS = 5;
const ALICE = { kind: 'user', id: 'alice', name: 'Alice' } as const;

/** A credential, its target, two workers and an oracle; one history is played on it. */
export class World {
  store = new ModelStore();
  target: ModelTarget;
  oracle: Oracle;
  readonly workers: ModelWorker[];
  private readonly slots: string[];
  private readonly facts: DriverFacts;
  private readonly queue: Strategy[] = [];
  private offsetMs = 1_700_000_000_000;
  private count = 0;

  constructor(readonly setting: Setting) {
    this.slots = ['app_a', 'app_b'].slice(0, setting.slots);
    this.facts = { ...setting.facts, evidence: { source: 'model', covers: 'sessions', blindSpots: [] } };
    this.target = new ModelTarget(this.facts);
    this.oracle = new Oracle(this.facts, this.slots, this.store, this.target);
    this.workers = ['a', 'b'].map((name) => new ModelWorker(name, this));
    this.oracle.firstLookOf = (name) => this.workers.find((each) => each.name === name)?.firstLookMs ?? 0;
    const slot = this.slots[0] ?? 'app_a';
    if (setting.hasCurrent) {
      const value = this.newSecret();
      this.target.put(slot, value);
      this.store.seal({
        id: 'imported',
        name: 'imported',
        slot,
        login: slot,
        value,
        label: 'CURRENT',
        endedAtMs: null,
        verdict: 'accepted',
      });
      this.target.passTo(this.facts.propagationMs);
    }
  }

  trueMs = (): number => this.target.nowMs;
  databaseMs = (): number => this.target.nowMs + this.offsetMs;
  newSecret = (): string => `secret-${++this.count}-of-the-history`;

  /** Plays one command; the oracle looks after each smallest step. */
  play(command: Command): void {
    switch (command.do) {
      case 'run':
        for (let i = 0; i < command.ticks; i++) this.tick(command.worker);
        return;
      case 'pass':
        return this.pass(command.ms);
      case 'rotate':
        return this.rotate(command.strategy, command.onConflict);
      case 'roll-back':
        return this.rollBack('wants the old one');
      case 'resume':
        return this.resume();
      case 'crash':
        if (!this.dependsOnSeeingTheJump()) this.worker(command.worker).crash();
        return;
      case 'pause':
        this.worker(command.worker).isPaused = true;
        return;
      case 'wake':
        this.worker(command.worker).isPaused = false;
        return;
      case 'fate':
        this.target.nextFate = command.fate;
        return;
      case 'unreachable':
        this.target.isUnreachable = command.is;
        return;
      case 'trust':
        if (!this.hasFreshControl()) this.target.acceptsAnything = command.is;
        return;
      case 'break-verification': {
        const open = this.store.open?.folded.plan.newVersion.id;
        const value = open && this.store.versions.get(open)?.value;
        if (value) this.target.breakVerification(value);
        return;
      }
      case 'edit': {
        const slot = this.slots[command.slot % this.slots.length] ?? 'app_a';
        this.target.put(slot, command.locks ? this.target.settled(slot).value : this.newSecret(), !command.locks);
        return this.oracle.edited(slot);
      }
      case 'relabel': {
        const { current } = this.store;
        if (!current) return;
        const id = `again-${++this.count}`;
        this.store.change(current.id, { label: null });
        return this.store.seal({ ...current, id, name: id, label: 'CURRENT' });
      }
      case 'check-out':
        return this.checkOut(command.ttlMs);
      case 'release': {
        const held = this.store.checkOuts.find((each) => !each.isReleased);
        if (held) this.store.release(held.id);
        return;
      }
      case 'use':
        return this.target.use(this.slots[command.slot % this.slots.length] ?? 'app_a');
      case 'leave':
        return this.target.leave(this.slots[command.slot % this.slots.length] ?? 'app_a');
      case 'clear':
        this.clear(command.overridesCheckOuts);
        return;
      case 'jump':
        // Set back and ahead between two looks, it was not set as far as anybody can measure.
        if (this.workers.some((worker) => worker.firstLookMs === null || !worker.hasSeenClock)) return;
        for (const worker of this.workers) worker.hasSeenClock = false;
        this.offsetMs += command.ms;
        this.oracle.jumps.push({ atTrueMs: this.trueMs(), ms: command.ms });
    }
  }

  /** Faults end, people do what they are asked; then every rotation has to come to its end. */
  drain(): void {
    this.target.mend();
    for (const worker of this.workers) worker.isPaused = false;
    for (let round = 0; round < 400 && (this.store.open || this.queue.length > 0); round++) {
      let moved = false;
      for (let i = 0; i < 200; i++) {
        const didA = this.tick(0);
        const didB = this.tick(1);
        if (!didA && !didB) break;
        moved = true;
      }
      if (this.store.open?.folded.asking?.byPerson) this.answer(round);
      if (this.store.open?.folded.asked?.isAnswered === false) moved = this.clear(false) || moved;
      if (!moved) this.pass(round < 40 ? 1_500 : 400_000);
    }
    const open = this.store.open?.folded;
    const isExcused = this.slots.some(this.oracle.isForeign) || this.hasRelabelled();
    if (open && !isExcused)
      throw new Breach('liveness', `it never ended: ${JSON.stringify(open.asking ?? open.failure)}`);
    if (!open) this.oracle.checkEnd();
  }

  /** A target whose rules change within seconds of being asked about them cannot be caught by asking. */
  private hasFreshControl(): boolean {
    const { evidence = {}, inFlight = null } = this.store.open?.folded ?? {};
    if (inFlight?.effect.do === 'probe' && inFlight.effect.subject === 'control') return true;
    return Object.entries(evidence).some(
      ([key, { atMs }]) => key.startsWith('control:') && isFresh(atMs, this.databaseMs()),
    );
  }

  /** A process that starts after the clock was set cannot measure that, so safety that rests on time rests on the others. */
  private dependsOnSeeingTheJump(): boolean {
    const restsOnTime = this.facts.propagationMs > 0 || this.facts.abandonment.by === 'waiting';
    return restsOnTime && this.oracle.jumps.some((jump) => this.trueMs() - jump.atTrueMs < 120_000);
  }

  private hasRelabelled = (): boolean => [...this.store.versions.keys()].some((id) => id.startsWith('again-'));

  /** A person resumes, and goes back when that does not help. */
  private answer(round: number): void {
    if (round % 4 === 3) this.rollBack('it does not work');
    else this.resume();
  }

  private tick(worker: number): boolean {
    const did = this.worker(worker).tick();
    if (did) this.target.passTo(this.trueMs() + TICK_MS);
    this.startQueued();
    this.oracle.check();
    return did;
  }

  private worker(index: number): ModelWorker {
    const worker = this.workers[index % this.workers.length];
    if (!worker) throw new Error('There are two workers.');
    return worker;
  }

  private pass(ms: number): void {
    this.target.passTo(this.trueMs() + ms);
    this.oracle.check();
  }

  private rotate(strategy: Strategy, onConflict: OnConflict): void {
    if (!this.store.open) return this.start(strategy);
    if (onConflict === 'reject') return;
    if (onConflict === 'replace') this.rollBack('is replaced');
    if (this.queue.length < 2) this.queue.push(strategy);
  }

  private startQueued(): void {
    if (this.store.open) return;
    const strategy = this.queue.shift();
    if (strategy) this.start(strategy);
  }

  private start(wanted: Strategy): void {
    const strategy = this.slots.length === 1 ? 'immediate' : wanted;
    const { shape, endsSessions } = presetOf(strategy);
    const placement = place(
      shape,
      this.slots.map((name) => ({ name, login: name })),
      [...this.store.versions.values()],
    );
    if ('impossible' in placement) return;
    const rotationId = `rotation-${++this.count}`;
    const { targetSlot, oldVersion, occupant } = placement;
    const { lockout } = this.facts;
    const plan: Plan = {
      engineVersion: ENGINE_VERSION,
      rotationId,
      serviceId: 'service',
      credentialId: 'credential',
      strategy,
      shape,
      target: { host: 'model', port: 5432, database: 'shop', sslMode: 'disable' },
      facts: this.facts,
      newVersion: {
        id: `version-${this.count}`,
        name: `version-${this.count}`,
        slot: targetSlot.name,
        login: targetSlot.login,
      },
      oldVersion,
      occupant,
      graceMs: this.setting.graceMs,
      consumers: this.setting.consumers ?? { kind: 'managed' },
      areHoldsHonoured: this.slots.length === 2,
      verification: { check: { query: 'SELECT 1' }, timeoutMs: 30_000 },
      isRollbackAutomatic: this.setting.isRollbackAutomatic,
      endSessions: endsSessions,
      earlierWrongLogins: lockout ? this.store.rotations.flatMap((each) => each.folded.wrongLogins) : [],
    };
    this.store.start(plan, this.databaseMs());
  }

  private rollBack(reason: string): void {
    const { open } = this.store;
    if (!open || canRollBack(open.folded) !== 'possible') return;
    this.store.append(open, null, { kind: 'rollback-requested', actor: ALICE, reason }, this.databaseMs());
    this.oracle.personActed(open.id);
  }

  private resume(): void {
    const { open } = this.store;
    if (!open?.folded.asking) return;
    // Who resumes an abandoned attempt has ended it at the target.
    const { session, asking } = open.folded;
    if (asking.code === 'attempt_abandoned' && session) this.target.endAtTheTarget(Number(session.identity['id']));
    const happening = { kind: 'resumed', by: 'person', actor: ALICE, reason: 'looked at it' } as const;
    this.store.append(open, null, happening, this.databaseMs());
    this.oracle.personActed(open.id);
  }

  /** A person who saw who uses the value that waits to end says that it may. */
  private clear(overridesCheckOuts: boolean): boolean {
    const { open } = this.store;
    const ending = open && endingAt(open.folded);
    if (!open || !ending || open.folded.waiting?.step !== nextStep(open.folded)) return false;
    const { id: versionId, slot } = ending.version;
    const consumers = namesOf(open.sighting?.slot === slot ? open.sighting.consumers : []);
    const held = this.store.checkOuts.filter((each) => each.versionId === versionId && !each.isReleased);
    const checkOuts = overridesCheckOuts ? held.map(({ id }) => id) : [];
    const happening = { kind: 'cleared', versionId, actor: ALICE, reason: 'is gone', consumers, checkOuts } as const;
    this.store.append(open, null, happening, this.databaseMs());
    this.oracle.cleared(versionId, consumers, checkOuts);
    return true;
  }

  /** Only CURRENT is given, and none of a version whose end was journalled. */
  private checkOut(ttlMs: number): void {
    const { current } = this.store;
    const open = this.store.open?.folded;
    const isEnding = open?.plan.shape === 'in-place' && open.newValue !== 'absent';
    if (!current || isEnding) return;
    this.store.addCheckOut({
      id: `check-out-${++this.count}`,
      versionId: current.id,
      grantedAtMs: this.databaseMs(),
      grantedAtTrueMs: this.trueMs(),
      ttlMs,
      expiresAtMs: this.databaseMs() + ttlMs,
      isReleased: false,
    });
  }
}
