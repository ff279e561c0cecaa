import { Loop } from '@dsops/background';
import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import type { ServiceName } from '@dsops/contracts/service-names';
import type { SqlExecutor } from '@dsops/database';
import type { Clock } from '@dsops/kernel';
import type { Logger } from '@dsops/platform';
import { recordAlarms, resolveLosses, type Alarm } from '../inbox/alarm.repository.js';
import type { Consumer } from '../inbox/consumer.service.js';
import { keyIdOf, type Coordinates } from '../coordinates.js';
import { byPlace, standingOf } from '../inbox/place.js';
import { cursorsToReport, markReported, standpoints, type Standpoint } from './cursor.repository.js';
import { HEADS_PER_PAGE, type HeadsAnswer } from './heads.js';
import type { ProducerClient } from './producer-client.service.js';

export interface SweepSettings {
  /** Time between two passes over a producer. What the transport has lost is found in the second pass after it. */
  readonly everyMs: number;
  /** How often every key is compared, and not only those that changed. */
  readonly fullEveryMs: number;
}

export const SWEEP_DEFAULTS: SweepSettings = { everyMs: 10_000, fullEveryMs: 3_600_000 };

const SECOND_PASS_MS = 1_000;
const REPORTED_PER_CALL = 1_000;
const FETCHED_PER_CALL = 100;

interface SweepParts {
  readonly declaration: ConsumerDeclaration;
  /** The services whose events are on the consumer's topics. */
  readonly producers: readonly ServiceName[];
  readonly client: ProducerClient;
  readonly database: SqlExecutor;
  readonly consumer: Consumer;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly settings?: Partial<SweepSettings>;
}

type Head = HeadsAnswer['heads'][number];
/** Head and cursor of a key that differ. */
interface Apart {
  readonly head: Coordinates;
  /** Where the cursor stood. */
  readonly seen: Coordinates;
}

/** What one producer has been asked so far. */
interface Dialogue {
  since: string | undefined;
  fullAtMs: number;
  /** Keys that were behind their head in the last pass. */
  behind: Map<string, Apart>;
  /** Keys whose cursor was above the head: either the head has moved meanwhile, or something is wrong. */
  ahead: Map<string, Apart>;
}

/**
 * Makes certain that nothing is missing. Each pass tells each producer how far the consumer is, and asks for the heads of
 * the keys that changed. A key that is below its head and did not move between two passes is fetched: so also the last
 * event of a key arrives, which no later event would betray.
 */
export class Sweep {
  private readonly settings: SweepSettings;
  private readonly dialogues = new Map<ServiceName, Dialogue>();
  private readonly loop: Loop;
  private hasMadeOne = false;

  constructor(private readonly parts: SweepParts) {
    this.settings = { ...SWEEP_DEFAULTS, ...parts.settings };
    const { everyMs } = this.settings;
    this.loop = new Loop({
      work: () => this.pass().then(() => this.pauseMs()),
      onFault: (error) => parts.logger.warn({ error }, 'sweep put off'),
      backOff: { firstMs: Math.min(everyMs, SECOND_PASS_MS), longestMs: everyMs },
    });
  }

  start(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
  }

  /** One pass over every producer. */
  async pass(): Promise<void> {
    for (const producer of this.parts.producers) {
      if (this.loop.isStopping) return;
      try {
        await this.passOver(producer);
      } catch (error) {
        this.parts.logger.warn({ error, consumer: this.parts.declaration.name, producer }, 'sweep put off');
      }
    }
    const resolved = await resolveLosses(this.parts.database, this.parts.declaration.name);
    if (resolved > 0) this.parts.logger.info({ consumer: this.parts.declaration.name, resolved }, 'losses resolved');
  }

  /**
   * The second pass comes soon: what was said before the consumer listened is found in it. Afterwards a little chance
   * keeps many consumers from asking at the same moment.
   */
  private pauseMs(): number {
    const pauseMs = this.hasMadeOne ? this.settings.everyMs : Math.min(this.settings.everyMs, SECOND_PASS_MS);
    this.hasMadeOne = true;
    return pauseMs * (0.9 + Math.random() / 5);
  }

  private async passOver(producer: ServiceName): Promise<void> {
    const nowMs = this.parts.clock.monotonicMs();
    const dialogue: Dialogue = this.dialogues.get(producer) ?? {
      since: undefined,
      fullAtMs: nowMs,
      behind: new Map(),
      ahead: new Map(),
    };
    this.dialogues.set(producer, dialogue);
    const isFull = nowMs >= dialogue.fullAtMs;
    const heads = await this.exchange(producer, dialogue, isFull);
    if (isFull) dialogue.fullAtMs = nowMs + this.settings.fullEveryMs;
    const { behind, ahead } = dialogue;
    const compared = new Map<string, Coordinates>([...behind, ...ahead].map(([id, { head }]) => [id, head]));
    for (const head of heads) compared.set(keyIdOf(head), { ...head, sequence: BigInt(head.sequence) });
    dialogue.behind = new Map();
    dialogue.ahead = new Map();
    const all = [...compared.values()];
    for (let from = 0; from < all.length && !this.loop.isStopping; from += HEADS_PER_PAGE) {
      const some = all.slice(from, from + HEADS_PER_PAGE);
      const cursors = await standpoints(this.parts.database, this.parts.declaration.name, some);
      for (const [nth, head] of some.entries()) {
        const id = keyIdOf(head);
        const seen = cursors[nth]!;
        const distance = byPlace(seen, head);
        if (distance < 0) {
          const before = behind.get(id)?.seen;
          if (before !== undefined && byPlace(before, seen) === 0 && !seen.isNextHere)
            await this.fetch(producer, head, seen);
          dialogue.behind.set(id, { head, seen });
        } else if (distance > 0) {
          const before = ahead.get(id)?.seen;
          // The producer had a whole pass to tell a head at least as high as the cursor was then.
          if (before !== undefined && byPlace(before, head) > 0) await this.alarm('ahead', before);
          else dialogue.ahead.set(id, { head, seen });
        }
      }
    }
  }

  /** Reports cursors and collects heads, page by page. */
  private async exchange(producer: ServiceName, dialogue: Dialogue, isFull: boolean): Promise<Head[]> {
    const { name: consumer, topics } = this.parts.declaration;
    const since = isFull ? undefined : dialogue.since;
    const heads: Head[] = [];
    let asOf: string | undefined;
    let after: HeadsAnswer['next'] = null;
    let lastReported: Coordinates | undefined;
    let hasReported = false;
    let hasAllHeads = false;
    for (;;) {
      const cursors: Coordinates[] = hasReported
        ? []
        : await cursorsToReport(this.parts.database, consumer, topics, {
            isFull,
            after: lastReported,
            limit: REPORTED_PER_CALL,
          });
      const answer: HeadsAnswer = await this.parts.client.heads(producer, {
        consumer,
        topics: hasAllHeads ? [] : [...topics], // the remaining calls only report
        ...(since === undefined ? {} : { since }),
        ...(after === null ? {} : { after }),
        cursors: cursors.map(({ topic, key, epoch, sequence }) => ({ topic, key, epoch, sequence: String(sequence) })),
      });
      await markReported(this.parts.database, consumer, cursors);
      hasReported = cursors.length < REPORTED_PER_CALL;
      lastReported = cursors.at(-1) ?? lastReported;
      asOf ??= answer.asOf;
      heads.push(...answer.heads);
      after = answer.next;
      hasAllHeads ||= after === null;
      if (hasAllHeads && hasReported) break;
    }
    dialogue.since = asOf;
    return heads;
  }

  /** Fetches what is missing up to the head. A gap at the producer is a loss: the key stops until it is rebuilt. */
  private async fetch(producer: ServiceName, head: Coordinates, standpoint: Standpoint): Promise<void> {
    let at = standpoint;
    while (byPlace(at, head) < 0 && !at.isNextHere && !this.loop.isStopping) {
      const events = await this.parts.client.eventsAbove(producer, at, missingOf(at));
      const [first] = events.map(({ epoch, sequence }) => ({ epoch, sequence: BigInt(sequence) }));
      const [now] = await standpoints(this.parts.database, this.parts.declaration.name, [head]);
      const hasMovedMeanwhile = byPlace(now!, at) > 0;
      if (first === undefined || standingOf(at, first) !== 'next') {
        if (!hasMovedMeanwhile) await this.alarm('loss', { ...at, sequence: at.sequence + 1n });
        return;
      }
      await this.parts.consumer.deliver(events.map((body) => ({ topic: head.topic, body })));
      const [after] = await standpoints(this.parts.database, this.parts.declaration.name, [head]);
      if (byPlace(after!, at) <= 0) return; // it could not be applied, and waits here now
      at = after!;
    }
  }

  private async alarm(kind: Alarm['kind'], place: Coordinates): Promise<void> {
    const { name: consumer } = this.parts.declaration;
    const { topic, key, epoch, sequence } = place;
    const fresh = await recordAlarms(this.parts.database, consumer, [{ kind, topic, key, epoch, sequence, id: '' }]);
    if (fresh.length === 0) return;
    this.parts.consumer.counts.alarms += 1;
    this.parts.logger.error(
      { consumer, alarm: kind, topic, eventKey: key, epoch, sequence: String(sequence) },
      'event alarm',
    );
  }
}

/** How many events to ask for: those before the first one that waits here already. */
const missingOf = ({ sequence, firstWaiting }: Standpoint): number =>
  firstWaiting === null
    ? FETCHED_PER_CALL
    : Math.max(1, Math.min(FETCHED_PER_CALL, Number(firstWaiting - sequence) - 1));
