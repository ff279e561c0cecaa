import { KEEP_LETTERS_DAYS, type RetryPolicy } from '@dsops/contracts/retry-policy';
import type { SqlExecutor } from '@dsops/database';
import type { DomainError } from '@dsops/kernel';
import {
  closeLetter,
  dropLetter,
  findLetter,
  keepOpen,
  writeLetters,
  type Letter,
  type NewLetter,
} from '../letters/letter.repository.js';
import { failedAgain, mustWait, stillUnknown, superseded } from '../letters/refusals.js';
import { writeOutbox } from '../outbox/outbox.repository.js';
import { recordAlarms, type Alarm } from './alarm.repository.js';
import { statedTypeOf, type BatchContext, type BatchMode, type BatchResult } from './batch.js';
import { consequenceOf, reasonOf } from './failure.js';
import { HandlerRunner } from './handler-runner.service.js';
import * as inbox from './inbox.repository.js';
import type { Coordinates } from '../coordinates.js';
import { judge, type Arrival, type Unreadable } from './judge.js';
import { byPlace, standingOf } from './place.js';

const DRAIN_CHUNK = 200;
const keyIdOf = ({ topic, key }: inbox.KeyOf): string => `${topic}\n${key}`;
const placeIdOf = (at: Coordinates): string => `${keyIdOf(at)}\n${at.epoch}\n${at.sequence}`;

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
 */
export class Batch {
  private readonly keys = new Map<string, KeyState>();
  private readonly settled: (Coordinates & { id: string })[] = [];
  private readonly settledHere = new Map<string, string>();
  private readonly toPark = new Map<string, inbox.ToPark>();
  private readonly toUnpark: Coordinates[] = [];
  private readonly toClose: (Coordinates & { id: string })[] = [];
  private readonly letters: NewLetter[] = [];
  private readonly alarms: Alarm[] = [];
  private readonly behind: Arrival[] = [];
  private readonly leftover: Arrival[] = [];
  private duplicates = 0;
  private deadlineMs = 0;

  private readonly runner: HandlerRunner;

  constructor(
    private readonly tx: SqlExecutor,
    private readonly context: BatchContext,
    private readonly mode: BatchMode,
  ) {
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
    for (const { topic, id, body, fault } of unreadable)
      this.letters.push({
        kind: 'unreadable',
        blocksKey: false,
        reason: fault,
        attempts: 0,
        type: '',
        keepDays: KEEP_LETTERS_DAYS,
        topic,
        key: '',
        epoch: 0,
        sequence: 0n,
        eventId: id,
        body,
      });
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
    const { topic, key, epoch, sequence } = letter;
    await this.lock([letter]);
    const state = this.keys.get(keyIdOf(letter))!;
    const { status } = (await findLetter(this.tx, letter.id)) ?? {};
    if (status !== 'open') return undefined; // somebody else was faster
    const judged = judge({ topic, body: JSON.parse(letter.body) }, this.context.registry);
    if (!('arrival' in judged) || judged.arrival.event === undefined)
      return stillUnknown('arrival' in judged ? judged.arrival.fault : judged.unreadable.fault);
    const arrival = judged.arrival;
    const standing = standingOf(state.cursor, letter);
    const isLast = state.cursor.epoch === epoch && state.cursor.sequence === sequence;
    const isItsTurn = standing === 'next';
    if (standing === 'ahead') return mustWait();
    if (!isItsTurn && !isLast && !this.context.declaration.isOrderFree) return superseded();
    const failure = await this.runner.run(arrival);
    if (failure !== undefined) {
      const reason = reasonOf(failure.error);
      await keepOpen(this.tx, letter.id, reason);
      return failedAgain(reason);
    }
    this.toClose.push({ topic, key, epoch, sequence, id: arrival.id });
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
    if (head !== undefined && head.id !== arrival.id) return void this.alarm('conflict', arrival);
    const isStillUnknown = head?.state === 'unknown' && arrival.event === undefined;
    const earlier = this.toPark.get(placeIdOf(arrival));
    if (earlier !== undefined && earlier.arrival.id !== arrival.id) return this.alarm('conflict', arrival);
    if (
      (head !== undefined && isHeld(head)) ||
      isStillUnknown ||
      (earlier !== undefined && (earlier.state !== 'unknown' || !arrival.event))
    ) {
      this.duplicates += 1;
      return;
    }
    if (this.isTimeUp()) {
      state.isLeft = true;
      return void this.leftover.push(arrival);
    }
    this.toPark.delete(placeIdOf(arrival)); // a sound copy of what came broken a moment ago
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
          this.park(parked, 'unknown', { reason: judged.unreadable.fault });
          return;
        }
        if (this.isTimeUp()) {
          this.park(judged.arrival, 'waiting', { attempts: parked.attempts, delayMs: 0 });
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
    if (arrival.event === undefined) return this.parkUnknown(arrival);
    const failure = await this.runner.run(arrival);
    if (failure !== undefined) return this.afterFailure(state, arrival, parked, failure.error);
    await this.move(state, arrival, parked);
    if (parked?.state === 'dead' || parked?.state === 'unknown') this.toClose.push(arrival);
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
    const consequence = consequenceOf(this.context.declaration, this.retriesOf(arrival.type), error, attempts);
    if (consequence.kind === 'retry') {
      this.park(arrival, 'retrying', { attempts, delayMs: consequence.delayMs, reason });
      return false;
    }
    this.letters.push({ ...this.letterOf(arrival), kind: 'failed', blocksKey: consequence.blocks, reason, attempts });
    if (!consequence.blocks) {
      await this.move(state, arrival, parked);
      return true;
    }
    this.park(arrival, 'dead', { attempts, reason });
    return false;
  }

  private async move(
    state: KeyState,
    event: Coordinates & { readonly id: string },
    parked: inbox.ParkedHead | undefined,
  ): Promise<void> {
    const { topic, key, epoch, sequence, id } = event;
    const isNewEpoch = epoch > state.cursor.epoch;
    state.cursor = { topic, key, epoch, sequence };
    state.hasMoved = true;
    this.settled.push({ topic, key, epoch, sequence, id });
    this.settledHere.set(placeIdOf(event), id);
    if (parked !== undefined) this.toUnpark.push(event);
    if (isNewEpoch) await this.endEpochs(state);
  }

  /** What still waits of lower epochs is recorded and will not be applied. */
  private async endEpochs(state: KeyState): Promise<void> {
    for (const [place, { arrival }] of this.toPark)
      if (keyIdOf(arrival) === keyIdOf(state.cursor) && arrival.epoch < state.cursor.epoch) {
        this.toPark.delete(place);
        this.recordStale(arrival);
      }
    if (state.head === undefined) return;
    for (const stale of await inbox.unparkStale(this.tx, this.consumer, state.cursor)) this.recordStale(stale);
    state.head = (await inbox.firstParked(this.tx, this.consumer, [state.cursor]))[0];
  }

  private park(
    arrival: inbox.ToPark['arrival'],
    state: inbox.ToPark['state'],
    {
      attempts = 0,
      delayMs = null,
      reason = null,
    }: Partial<Pick<inbox.ToPark, 'attempts' | 'delayMs' | 'reason'>> = {},
  ): void {
    this.toPark.set(placeIdOf(arrival), { arrival, state, attempts, delayMs, reason });
  }

  private parkWaiting(arrival: Arrival): void {
    const place = placeIdOf(arrival);
    const earlier = this.toPark.get(place);
    if (earlier !== undefined && earlier.arrival.id !== arrival.id) return this.alarm('conflict', arrival);
    if (earlier !== undefined && (earlier.state !== 'unknown' || arrival.event === undefined)) {
      this.duplicates += 1;
      return;
    }
    if (arrival.event === undefined) return void this.parkUnknown(arrival);
    this.park(arrival, 'waiting');
  }

  private parkUnknown(arrival: Arrival): false {
    this.park(arrival, 'unknown', { reason: arrival.fault ?? null });
    this.letters.push({
      ...this.letterOf(arrival),
      kind: 'unknown',
      blocksKey: true,
      reason: arrival.fault ?? '',
      attempts: 0,
    });
    return false;
  }

  /** At or below the cursor: the same event is a duplicate, another one at its place a conflict. */
  private async checkBehind(): Promise<void> {
    if (this.behind.length === 0) return;
    const known = await inbox.settledIds(this.tx, this.consumer, this.behind);
    this.behind.forEach((arrival, nth) => {
      const id = this.settledHere.get(placeIdOf(arrival)) ?? known[nth] ?? undefined;
      const isStale = arrival.epoch < this.keys.get(keyIdOf(arrival))!.cursor.epoch;
      if (id !== undefined && id !== arrival.id) this.alarm('conflict', arrival);
      else if (id === undefined && isStale) this.recordStale(arrival);
      else this.duplicates += 1; // or history, from before the consumer's start
    });
  }

  private recordStale(event: Coordinates & { id: string; body: string }): void {
    this.alarm('stale', event);
    const reason = 'It belongs to an epoch that has ended: its producer was restored from a copy.';
    this.letters.push({ ...this.letterOf(event), kind: 'stale', blocksKey: false, reason, attempts: 0 });
  }

  private retriesOf(type: string): RetryPolicy | undefined {
    return this.context.registry.get(type)?.retries;
  }

  private letterOf({ topic, key, epoch, sequence, id, body }: Coordinates & { id: string; body: string }) {
    const type = statedTypeOf(body);
    const keepDays = this.retriesOf(type)?.keepLettersDays ?? KEEP_LETTERS_DAYS;
    return { topic, key, epoch, sequence, eventId: id, type, keepDays, body };
  }

  private alarm(kind: Alarm['kind'], { topic, key, epoch, sequence, id }: Coordinates & { id: string }): void {
    this.alarms.push({ kind, topic, key, epoch, sequence, id });
  }

  /** Writes what the batch has come to. The last step; the outbox comes at its very end. */
  async finish(): Promise<BatchResult> {
    await this.runner.flush();
    const moved = [...this.keys.values()].filter(({ hasMoved }) => hasMoved).map(({ cursor }) => cursor);
    await inbox.settle(this.tx, this.consumer, moved, this.settled);
    await inbox.unpark(this.tx, this.consumer, this.toUnpark);
    const conflicts = await inbox.park(this.tx, this.consumer, [...this.toPark.values()]);
    for (const { arrival } of this.toPark.values()) if (conflicts.has(arrival.id)) this.alarm('conflict', arrival);
    await writeLetters(
      this.tx,
      this.consumer,
      this.letters.filter(({ eventId }) => !conflicts.has(eventId)),
    );
    for (const event of this.toClose) await closeLetter(this.tx, this.consumer, event);
    const freshAlarms = await recordAlarms(this.tx, this.consumer, this.alarms);
    await writeOutbox(this.tx, this.runner.emitted);
    return {
      leftover: this.leftover,
      applied: this.settled.length,
      duplicates: this.duplicates,
      parked: this.toPark.size,
      letters: this.letters.length,
      said: this.runner.emitted,
      afterwards: this.runner.afterwards,
      freshAlarms,
    };
  }
}
