import { look, type ClockWatch } from '../clock-watch.js';
import { sighted } from '../consumers.js';
import { decide } from '../decide.js';
import { touchesTarget, type Effect, type Failure, type Outcome, type TargetEffect } from '../journal.js';
import type { ModelStore, StoredRotation } from './model-store.js';
import type { ModelTarget } from './model-target.js';

export const LEASE_MS = 30_000;

export interface WorkerWorld {
  readonly store: ModelStore;
  readonly target: ModelTarget;
  trueMs(): number;
  databaseMs(): number;
  newSecret(): string;
}

interface Held {
  readonly rotation: StoredRotation;
  readonly fence: number;
  session: { readonly id: number; seq: number | null } | null;
  /** The effect that was journalled and is not yet answered, and the answer once there is one. */
  effect: TargetEffect | null;
  effectAtMs: number;
  outcome: { readonly value: Outcome; readonly atMs: number } | null;
}

const UNREACHABLE: Failure = { code: 'target_unreachable', message: 'No answer.', remedy: null, isPassing: true };

/**
 * A worker in the smallest steps between which it can die: decide and journal the intent; do it; journal the outcome.
 * Everything in here is lost in a crash.
 */
export class ModelWorker {
  isPaused = false;
  /** True time of its first look at the clock: what was set before that it cannot know. */
  firstLookMs: number | null = null;
  /** It has looked since the clock was set the last time. */
  hasSeenClock = true;
  private held: Held | null = null;
  private watch: ClockWatch | null = null;

  constructor(
    readonly name: string,
    private readonly world: WorkerWorld,
  ) {}

  /** @returns whether it did anything. */
  tick(): boolean {
    if (this.isPaused) return false;
    const { store } = this.world;
    const nowMs = this.world.databaseMs();
    this.firstLookMs ??= this.world.trueMs();
    this.watch = look(this.watch, nowMs, this.world.trueMs());
    this.hasSeenClock = true;

    if (this.held?.outcome) return this.report(this.held, nowMs);
    if (this.held?.effect) return this.perform(this.held, this.held.effect);
    if (this.held && this.held.rotation.fence !== this.held.fence) this.letGo();
    if (!this.held) {
      const claim = store.claim(nowMs, LEASE_MS);
      if (!claim) return false;
      this.held = { ...claim, session: null, effect: null, effectAtMs: 0, outcome: null };
    }
    const { held } = this;
    const { rotation } = held;
    const checkOuts = store.checkOuts.filter((each) => !each.isReleased);
    const observation = {
      heldSession: held.session?.seq ?? null,
      checkOuts,
      sighting: rotation.sighting,
      jumps: this.watch.jumps,
      isRestored: false,
    };
    const effect = decide(rotation.folded, observation, nowMs);
    if (JSON.stringify(decide(rotation.folded, observation, nowMs)) !== JSON.stringify(effect))
      throw new Error('I6: the same rotation, observation and time gave two decisions');
    if (!effect) return this.rest(held, Number.MAX_SAFE_INTEGER);
    if (touchesTarget(effect)) {
      rotation.leaseUntilMs = nowMs + LEASE_MS;
      held.effectAtMs = this.world.trueMs();
      if (store.append(rotation, held.fence, { kind: 'intended', effect }, nowMs)) held.effect = effect;
      else this.letGo();
      return true;
    }
    if (effect.do === 'sample') {
      const { slot } = effect;
      if (rotation.fence === held.fence)
        rotation.sighting = sighted(rotation.sighting, slot, this.world.target.consumers(slot), nowMs);
      return true;
    }
    if (effect.do === 'wait') return this.rest(held, effect.untilMs);
    this.keep(held, effect, nowMs);
    if (rotation.folded.isSettled) this.letGo();
    return true;
  }

  /** The process is gone. What it had sent goes on at the target. */
  crash(): void {
    if (this.held?.session) this.world.target.disconnect(this.held.session.id);
    this.held = null;
    this.watch = null;
    this.firstLookMs = null;
    this.isPaused = false;
  }

  /** Effects in our own database: one transaction with their entry. */
  private keep(held: Held, effect: Exclude<Effect, TargetEffect | { do: 'sample' }>, nowMs: number): void {
    const { store } = this.world;
    const { rotation, fence } = held;
    const { plan } = rotation.folded;
    switch (effect.do) {
      case 'generate': {
        const { newVersion } = plan;
        store.seal({ ...newVersion, value: this.world.newSecret(), label: 'PENDING', endedAtMs: null, verdict: null });
        store.append(rotation, fence, { kind: 'generated', name: newVersion.name }, nowMs);
        return;
      }
      case 'move-labels': {
        const isMoved = store.moveLabels(effect.from, effect.versionId);
        const failure = { code: 'labels_moved', message: 'Somebody moved CURRENT.', remedy: null, isPassing: true };
        store.append(
          rotation,
          fence,
          isMoved ? { kind: 'labels-moved', to: effect.to } : { kind: 'labels-differ', failure },
          nowMs,
        );
        return;
      }
      case 'publish': {
        const failure = { code: 'store_differs', message: 'CURRENT is another.', remedy: null, isPassing: true };
        const isSame = store.current?.id === effect.versionId;
        store.append(rotation, fence, isSame ? { kind: 'published' } : { kind: 'publish-differs', failure }, nowMs);
        return;
      }
      case 'journal':
        store.append(rotation, fence, effect.happening, nowMs);
        return;
      case 'wait':
        return;
    }
  }

  private perform(held: Held, effect: TargetEffect): boolean {
    const { store, target } = this.world;
    const atMs = this.world.trueMs();
    const answer = (value: Outcome, afterMs = 0) => {
      held.outcome = { value, atMs: atMs + afterMs };
      return true;
    };
    const valueOf = (id: string | null) => (id && store.versions.get(id)?.value) || null;
    switch (effect.do) {
      case 'probe': {
        // A login that was held up past the lease is not made: the lock-out budget counted it long ago. Commands are
        // sent all the same here, the worst that a real pause between the look at the clock and the send can do.
        if (atMs - held.effectAtMs > LEASE_MS) return this.drop();
        const seen = target.probe(effect.slot, effect.subject === 'control' ? 'random' : valueOf(effect.versionId));
        const isVerification = seen === 'unverified';
        return answer({ kind: 'probed', verdict: isVerification ? 'refused' : seen, isVerification, note: '' });
      }
      case 'open-session': {
        const id = target.openSession();
        if (id === null) return answer({ kind: 'undone', failure: UNREACHABLE });
        held.session = { id, seq: null };
        return answer({ kind: 'opened', identity: { id } });
      }
      case 'end-session':
        return answer(
          target.endSession(Number(effect.identity['id']))
            ? { kind: 'session-ended' }
            : { kind: 'undone', failure: UNREACHABLE },
        );
      case 'set':
      case 'retire': {
        if (!held.session) throw new Error('A command is sent on a session that the worker holds.');
        const { answer: said, afterMs } = target.send(held.session.id, {
          do: effect.do,
          slot: effect.slot,
          value: effect.do === 'set' ? valueOf(effect.versionId) : null,
          rotationId: held.rotation.id,
          ends: effect.ends,
          by: this.name,
        });
        const failure = { code: 'target_refused', message: 'The target said no.', remedy: null, isPassing: false };
        return answer(
          said === 'lost'
            ? { kind: 'lost', message: 'No answer came.' }
            : said === 'refused'
              ? { kind: 'refused', failure }
              : { kind: 'applied' },
          afterMs,
        );
      }
    }
  }

  private report(held: Held, nowMs: number): boolean {
    const { outcome, rotation } = held;
    if (!outcome || this.world.trueMs() < outcome.atMs) return false;
    const isOurs = this.world.store.append(
      rotation,
      held.fence,
      { kind: 'ended', outcome: outcome.value, durationMs: 1 },
      nowMs,
    );
    if (!isOurs) {
      this.letGo();
      return true;
    }
    if (outcome.value.kind === 'opened' && held.session) held.session.seq = rotation.folded.seq;
    else if (held.session && held.effect?.do !== 'probe') {
      this.world.target.disconnect(held.session.id);
      held.session = null;
    }
    held.effect = null;
    held.outcome = null;
    return true;
  }

  private drop(): boolean {
    this.letGo();
    return true;
  }

  private rest(held: Held, untilMs: number): boolean {
    held.rotation.wakeAtMs = untilMs;
    held.rotation.leaseUntilMs = 0;
    this.letGo();
    return true;
  }

  private letGo(): void {
    if (this.held?.session) this.world.target.disconnect(this.held.session.id);
    this.held = null;
  }
}
