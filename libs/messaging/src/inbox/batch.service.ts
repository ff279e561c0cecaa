import type { SqlExecutor } from '@dsops/database';
import type { DomainError } from '@dsops/kernel';
import { keyIdOf, placeIdOf, type Coordinates } from '../coordinates.js';
import { dropLetter, findLetter, keepOpen, type Letter } from '../letters/letter.repository.js';
import { failedAgain, mustWait, stillUnknown, superseded } from '../letters/refusals.js';
import { writeOutbox } from '../outbox/outbox.repository.js';
import { BatchRecord } from './batch-record.service.js';
import type { BatchContext, BatchMode, BatchResult } from './batch.js';
import { consequenceOf, reasonOf } from './failure.js';
import { HandlerRunner } from './handler-runner.service.js';
import * as inbox from './inbox.repository.js';
import { judge, type Arrival, type Unreadable } from './judge.js';
import { byPlace, standingOf } from './place.js';

const DRAIN_CHUNK = 200;

/** Nothing but time or a person moves it. */
const isHeld = (head: inbox.ParkedHead): boolean => head.state === 'dead' || (head.state === 'retrying' && !head.isDue);

interface KeyState {
  cursor: Coordinates;
  /** The first event that waits above the cursor; undefined when nothing does. */
  head: inbox.ParkedHead | undefined;
  hasMoved: boolean;
  /** Time was up at its next event: the rest of the key is left over with it. */
  isLeft: boolean;
}

/**
 * One transaction of a consumer. Whatever happens to it happens to cursors, effects, parked events, letters and the
 * events that handlers say: together or not at all.
 *
 * The events of a key stand in one line behind its cursor, and only the first of them can be applied. What becomes of
 * an event:
 *
 *                      ┌── its turn ── waiting ◀── ahead ──┐
 *                      ▼                                   │
 *   settled ◀─ done ── handler ◀────────────────── next ── arrives ── behind or stale: see below
 *      ▲               │  │  ▲
 *      │   no contract │  │  └── due ── retrying ◀── retries are left ──┐
 *      │               ▼  └── failed ───────────────────────────────────┤
 *      ├── known now ─ unknown                                          │
 *      ├── replayed, or dropped ───── dead ◀──── none, and it blocks ───┤
 *      └── with a letter, for consumers that block nothing ◀──── none ──┘
 *
 *   waiting    An event before it is missing, or time was up. It has its turn when the one before it is settled.
 *   unknown    No contract of this release fits. A sound copy of it, a replay or a newer release applies it.
 *   retrying   Its handler has failed. It is tried again when that is due, and not because it was delivered again.
 *   dead       Its handler has failed for the last time. A person replays it, or drops it without its effect.
 *   settled    The cursor stands at it or above. Nothing moves it any more.
 *
 * The first four are rows of `parked`. Each holds up what stands behind it in its key, and no other key. An event that
 * arrives behind the cursor is a duplicate, unless another one was settled at its place: that conflict raises an alarm,
 * as it does between two that wait. One of an epoch that has ended is stale. It is kept as a letter and never applied, and
 * so is whatever is parked when its key begins a higher epoch.
 *
 * There are four ways in: `take` what arrives, `drain` keys whose first event is due, `replay` and `drop` what a person
 * has decided of a letter. Each begins by locking the cursors of its keys in sorted order, so that no two batches work on
 * one key at a time, and ends with `finish`. After `budgetMs` no further event is begun: what arrived goes into the next
 * batch, what was parked waits for it.
 */
export class Batch {
  private readonly keys = new Map<string, KeyState>();
  private readonly behind: Arrival[] = [];
  private readonly leftover: Arrival[] = [];
  private deadlineMs = 0;
  private readonly record: BatchRecord;
  private readonly runner: HandlerRunner;

  constructor(
    private readonly tx: SqlExecutor,
    private readonly context: BatchContext,
    private readonly mode: BatchMode,
  ) {
    this.record = new BatchRecord(context);
    this.runner = new HandlerRunner(tx, context, mode);
  }

  private get consumer(): string {
    return this.context.declaration.name;
  }

  /** Takes what has arrived, in any order and any number of times. */
  async take(arrivals: readonly Arrival[], unreadable: readonly Unreadable[]): Promise<BatchResult> {
    const byKey = Map.groupBy(arrivals, keyIdOf);
    await this.lock([...byKey.values()].map(([first]) => first!));
    for (const [id, ofKey] of byKey) await this.takeKey(this.keys.get(id)!, ofKey.toSorted(byPlace));
    await this.checkBehind();
    for (const body of unreadable) this.record.keepUnreadable(body);
    return this.finish();
  }

  /** Tries what waits at the head of these keys. */
  async drain(keys: readonly inbox.KeyOf[]): Promise<BatchResult> {
    await this.lock(keys);
    for (const state of this.keys.values()) await this.drainKey(state);
    return this.finish();
  }

  /**
   * Applies a dead letter: at its turn if it blocks its key, alone if it was released. Answers why not, when it was not.
   * Never behind a newer sequence, except for consumers that declare their handlers free of order.
   */
  async replay(letter: Letter): Promise<DomainError | undefined> {
    await this.lock([letter]);
    const state = this.keys.get(keyIdOf(letter))!;
    const { status } = (await findLetter(this.tx, letter.id)) ?? {};
    if (status !== 'open') return undefined; // somebody else was faster
    const judged = judge({ topic: letter.topic, body: JSON.parse(letter.body) }, this.context.registry);
    if (!('arrival' in judged) || judged.arrival.event === undefined)
      return stillUnknown('arrival' in judged ? judged.arrival.fault : judged.unreadable.fault);
    const arrival = judged.arrival;
    const standing = standingOf(state.cursor, letter);
    const isLast = state.cursor.epoch === letter.epoch && state.cursor.sequence === letter.sequence;
    const isItsTurn = standing === 'next';
    if (standing === 'ahead') return mustWait();
    if (!isItsTurn && !isLast && !this.context.declaration.isOrderFree) return superseded();
    const failure = await this.runner.run(arrival);
    if (failure !== undefined) {
      const reason = reasonOf(failure.error);
      await keepOpen(this.tx, letter.id, reason);
      return failedAgain(reason);
    }
    this.record.close({ ...letter, id: arrival.id });
    if (!isItsTurn) return undefined;
    const head = state.head !== undefined && placeIdOf(state.head) === placeIdOf(arrival) ? state.head : undefined;
    await this.move(state, arrival, head);
    await this.drainKey(state);
    return undefined;
  }

  /** Moves past a dead letter that blocks its key, without its effect. Answers why not, when it did not. */
  async drop(letter: Letter, note: string): Promise<DomainError | undefined> {
    await this.lock([letter]);
    const state = this.keys.get(keyIdOf(letter))!;
    const standing = standingOf(state.cursor, letter);
    if (standing === 'ahead') return mustWait();
    const isClosed = (await dropLetter(this.tx, letter.id, note)) === 0;
    if (isClosed || standing !== 'next') return undefined; // somebody else was faster
    const head = state.head !== undefined && placeIdOf(state.head) === placeIdOf(letter) ? state.head : undefined;
    await this.move(state, { ...letter, id: letter.eventId }, head);
    await this.drainKey(state);
    return undefined;
  }

  private async lock(keys: readonly inbox.KeyOf[]): Promise<void> {
    if (keys.length === 0) return;
    const cursors = await inbox.lockCursors(this.tx, this.consumer, keys);
    const heads = await inbox.firstParked(this.tx, this.consumer, cursors);
    const headOf = new Map(heads.map((head) => [keyIdOf(head), head]));
    for (const cursor of cursors)
      this.keys.set(keyIdOf(cursor), { cursor, head: headOf.get(keyIdOf(cursor)), hasMoved: false, isLeft: false });
    this.deadlineMs = this.context.nowMs() + this.mode.budgetMs;
  }

  private async takeKey(state: KeyState, arrivals: readonly Arrival[]): Promise<void> {
    for (const arrival of arrivals) {
      switch (standingOf(state.cursor, arrival)) {
        case 'behind':
        case 'stale':
          this.behind.push(arrival);
          break;
        case 'ahead':
          if (state.isLeft) this.leftover.push(arrival);
          else this.parkWaiting(arrival);
          break;
        case 'next':
          await this.takeNext(state, arrival);
      }
    }
  }

  private async takeNext(state: KeyState, arrival: Arrival): Promise<void> {
    const head = state.head !== undefined && placeIdOf(state.head) === placeIdOf(arrival) ? state.head : undefined;
    if (head !== undefined && head.id !== arrival.id) return this.record.conflict(arrival);
    const isStillUnknown = head?.state === 'unknown' && arrival.event === undefined;
    const earlier = this.record.parkedAt(arrival);
    if (earlier !== undefined && earlier.arrival.id !== arrival.id) return this.record.conflict(arrival);
    if (
      (head !== undefined && isHeld(head)) ||
      isStillUnknown ||
      (earlier !== undefined && (earlier.state !== 'unknown' || !arrival.event))
    ) {
      this.record.duplicates += 1;
      return;
    }
    if (this.isTimeUp()) {
      state.isLeft = true;
      return void this.leftover.push(arrival);
    }
    this.record.unpark(arrival); // a sound copy of what came broken a moment ago
    if (await this.apply(state, arrival, head)) await this.drainKey(state);
  }

  /** Applies what waits directly behind the cursor, until something is missing, fails, or time is up. */
  private async drainKey(state: KeyState): Promise<void> {
    for (;;) {
      if (state.head !== undefined && byPlace(state.head, state.cursor) <= 0)
        state.head = (await inbox.firstParked(this.tx, this.consumer, [state.cursor]))[0];
      if (state.head === undefined || standingOf(state.cursor, state.head) !== 'next') return;
      const before = { ...state.cursor, sequence: state.head.sequence - 1n, epoch: state.head.epoch };
      for (const parked of await inbox.parkedBehind(this.tx, this.consumer, before, DRAIN_CHUNK)) {
        state.head = parked;
        if (standingOf(state.cursor, parked) !== 'next' || isHeld(parked)) return;
        const judged = judge({ topic: parked.topic, body: JSON.parse(parked.body) }, this.context.registry);
        if (!('arrival' in judged)) {
          this.record.park(parked, 'unknown', { reason: judged.unreadable.fault });
          return;
        }
        if (this.isTimeUp()) {
          this.record.park(judged.arrival, 'waiting', { attempts: parked.attempts, delayMs: 0 });
          return;
        }
        if (!(await this.apply(state, judged.arrival, parked))) return;
      }
    }
  }

  private isTimeUp(): boolean {
    return this.context.nowMs() > this.deadlineMs;
  }

  /** Runs the handler of an event whose turn it is. False: the event, and with it its key, waits. */
  private async apply(state: KeyState, arrival: Arrival, parked: inbox.ParkedHead | undefined): Promise<boolean> {
    if (arrival.event === undefined) {
      this.record.parkUnknown(arrival);
      return false;
    }
    const failure = await this.runner.run(arrival);
    if (failure !== undefined) return this.afterFailure(state, arrival, parked, failure.error);
    await this.move(state, arrival, parked);
    if (parked?.state === 'dead' || parked?.state === 'unknown') this.record.close(arrival);
    return true;
  }

  private async afterFailure(
    state: KeyState,
    arrival: Arrival,
    parked: inbox.ParkedHead | undefined,
    error: unknown,
  ): Promise<boolean> {
    const attempts = (parked?.attempts ?? 0) + 1;
    const reason = reasonOf(error);
    const consequence = consequenceOf(
      this.context.declaration,
      this.context.registry.get(arrival.type)?.retries,
      error,
      attempts,
    );
    if (consequence.kind === 'retry') {
      this.record.park(arrival, 'retrying', { attempts, delayMs: consequence.delayMs, reason });
      return false;
    }
    this.record.bury(arrival, { blocksKey: consequence.blocks, reason, attempts });
    if (!consequence.blocks) {
      await this.move(state, arrival, parked);
      return true;
    }
    this.record.park(arrival, 'dead', { attempts, reason });
    return false;
  }

  private async move(
    state: KeyState,
    event: Coordinates & { readonly id: string },
    parked: inbox.ParkedHead | undefined,
  ): Promise<void> {
    const { topic, key, epoch, sequence } = event;
    const isNewEpoch = epoch > state.cursor.epoch;
    state.cursor = { topic, key, epoch, sequence };
    state.hasMoved = true;
    this.record.settle(event, parked !== undefined);
    if (isNewEpoch) await this.endEpochs(state);
  }

  /** What still waits of lower epochs is recorded and will not be applied. */
  private async endEpochs(state: KeyState): Promise<void> {
    this.record.endEpochs(state.cursor);
    if (state.head === undefined) return;
    for (const stale of await inbox.unparkStale(this.tx, this.consumer, state.cursor)) this.record.keepStale(stale);
    state.head = (await inbox.firstParked(this.tx, this.consumer, [state.cursor]))[0];
  }

  private parkWaiting(arrival: Arrival): void {
    const earlier = this.record.parkedAt(arrival);
    if (earlier !== undefined && earlier.arrival.id !== arrival.id) return this.record.conflict(arrival);
    if (earlier !== undefined && (earlier.state !== 'unknown' || arrival.event === undefined))
      this.record.duplicates += 1;
    else if (arrival.event === undefined) this.record.parkUnknown(arrival);
    else this.record.park(arrival, 'waiting');
  }

  /** At or below the cursor: the same event is a duplicate, another one at its place a conflict. */
  private async checkBehind(): Promise<void> {
    if (this.behind.length === 0) return;
    const known = await inbox.settledIds(this.tx, this.consumer, this.behind);
    this.behind.forEach((arrival, nth) => {
      const id = this.record.settledAt(arrival) ?? known[nth] ?? undefined;
      const isStale = arrival.epoch < this.keys.get(keyIdOf(arrival))!.cursor.epoch;
      if (id !== undefined && id !== arrival.id) this.record.conflict(arrival);
      else if (id === undefined && isStale) this.record.keepStale(arrival);
      else this.record.duplicates += 1; // or history, from before the consumer's start
    });
  }

  /** Writes what the batch has come to. The last step; the outbox comes at its very end. */
  async finish(): Promise<BatchResult> {
    await this.runner.flush();
    const moved = [...this.keys.values()].filter(({ hasMoved }) => hasMoved).map(({ cursor }) => cursor);
    const result = await this.record.write(this.tx, moved);
    await writeOutbox(this.tx, this.runner.emitted);
    return { ...result, leftover: this.leftover, said: this.runner.emitted, afterwards: this.runner.afterwards };
  }
}
