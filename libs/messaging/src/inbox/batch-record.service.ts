import { KEEP_LETTERS_DAYS } from '@dsops/contracts/retry-policy';
import type { SqlExecutor } from '@dsops/database';
import { keyIdOf, placeIdOf, type Coordinates } from '../coordinates.js';
import { closeLetter, writeLetters, type NewLetter } from '../letters/letter.repository.js';
import { recordAlarms, type Alarm } from './alarm.repository.js';
import { statedTypeOf, type BatchContext, type BatchResult } from './batch.js';
import * as inbox from './inbox.repository.js';
import type { Arrival, Unreadable } from './judge.js';

/** An event at its place, as far as letters and alarms name it. */
type Placed = Coordinates & { readonly id: string };
type Kept = Placed & { readonly body: string };

interface Parking {
  readonly attempts?: number;
  /** When it is tried again; null: not before something else happens. */
  readonly delayMs?: number | null;
  readonly reason?: string | null;
}

/** What becomes of the events of one batch. It is gathered while the batch works, and written at its end in a few statements. */
export class BatchRecord {
  private readonly settled: Placed[] = [];
  private readonly settledIds = new Map<string, string>();
  private readonly toPark = new Map<string, inbox.ToPark>();
  private readonly toUnpark: Coordinates[] = [];
  private readonly toClose: Placed[] = [];
  private readonly letters: NewLetter[] = [];
  private readonly alarms: Alarm[] = [];
  /** Events that came again. */
  duplicates = 0;

  constructor(private readonly context: Pick<BatchContext, 'consumer' | 'registry'>) {}

  /** Its place is behind the cursor now. */
  settle({ topic, key, epoch, sequence, id }: Placed, wasParked: boolean): void {
    const place = { topic, key, epoch, sequence };
    this.settled.push({ ...place, id });
    this.settledIds.set(placeIdOf(place), id);
    if (wasParked) this.toUnpark.push(place);
  }

  /** Which event this batch has settled at a place. */
  settledAt(place: Coordinates): string | undefined {
    return this.settledIds.get(placeIdOf(place));
  }

  park(arrival: inbox.ToPark['arrival'], state: inbox.ParkedState, parking: Parking = {}): void {
    const { attempts = 0, delayMs = null, reason = null } = parking;
    this.toPark.set(placeIdOf(arrival), { arrival, state, attempts, delayMs, reason });
  }

  /** What this batch parks at a place. */
  parkedAt(place: Coordinates): inbox.ToPark | undefined {
    return this.toPark.get(placeIdOf(place));
  }

  /** Parks nothing there after all. */
  unpark(place: Coordinates): void {
    this.toPark.delete(placeIdOf(place));
  }

  /** No contract of this release fits: it holds its key up, and people see why. */
  parkUnknown(arrival: Arrival): void {
    this.park(arrival, 'unknown', { reason: arrival.fault ?? null });
    const reason = arrival.fault ?? '';
    this.letters.push({ ...this.letterOf(arrival), kind: 'unknown', blocksKey: true, reason, attempts: 0 });
  }

  /** The last attempt has failed. */
  bury(arrival: Arrival, failure: Pick<NewLetter, 'blocksKey' | 'reason' | 'attempts'>): void {
    this.letters.push({ ...this.letterOf(arrival), kind: 'failed', ...failure });
  }

  /** It was applied after all, so nobody has to look at its letter any more. */
  close({ topic, key, epoch, sequence, id }: Placed): void {
    this.toClose.push({ topic, key, epoch, sequence, id });
  }

  keepUnreadable({ topic, id, body, fault }: Unreadable): void {
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
  }

  /** It belongs to an epoch that has ended, and will not be applied. */
  keepStale(event: Kept): void {
    this.alarm('stale', event);
    const reason = 'It belongs to an epoch that has ended: its producer was restored from a copy.';
    this.letters.push({ ...this.letterOf(event), kind: 'stale', blocksKey: false, reason, attempts: 0 });
  }

  /** A key has begun a new epoch: what this batch has parked of earlier ones is stale. */
  endEpochs(cursor: Coordinates): void {
    for (const { arrival } of [...this.toPark.values()])
      if (keyIdOf(arrival) === keyIdOf(cursor) && arrival.epoch < cursor.epoch) {
        this.unpark(arrival);
        this.keepStale(arrival);
      }
  }

  /** Another event claims its place. */
  conflict(event: Placed): void {
    this.alarm('conflict', event);
  }

  /**
   * @param moved the cursors as they stand now
   * @returns what there is to tell of it
   */
  async write(
    tx: SqlExecutor,
    moved: readonly Coordinates[],
  ): Promise<Omit<BatchResult, 'leftover' | 'said' | 'afterwards'>> {
    const { consumer } = this.context;
    await inbox.settle(tx, consumer, moved, this.settled);
    await inbox.unpark(tx, consumer, this.toUnpark);
    const conflicts = await inbox.park(tx, consumer, [...this.toPark.values()]);
    for (const { arrival } of this.toPark.values()) if (conflicts.has(arrival.id)) this.conflict(arrival);
    const letters = this.letters.filter(({ eventId }) => !conflicts.has(eventId));
    await writeLetters(tx, consumer, letters);
    for (const event of this.toClose) await closeLetter(tx, consumer, event);
    return {
      applied: this.settled.length,
      duplicates: this.duplicates,
      parked: this.toPark.size,
      letters: this.letters.length,
      freshAlarms: await recordAlarms(tx, consumer, this.alarms),
    };
  }

  private letterOf({ topic, key, epoch, sequence, id, body }: Kept) {
    const type = statedTypeOf(body);
    const keepDays = this.context.registry.get(type)?.retries?.keepLettersDays ?? KEEP_LETTERS_DAYS;
    return { topic, key, epoch, sequence, eventId: id, type, keepDays, body };
  }

  private alarm(kind: Alarm['kind'], { topic, key, epoch, sequence, id }: Placed): void {
    this.alarms.push({ kind, topic, key, epoch, sequence, id });
  }
}
