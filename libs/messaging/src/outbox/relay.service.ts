import { randomUUID } from 'node:crypto';
import { Loop } from '@dsops/background';
import type { ServiceName } from '@dsops/contracts/service-names';
import type { SqlExecutor } from '@dsops/database';
import { newTraceparent, openSpan, type Logger, type OpenSpan } from '@dsops/platform';
import type { Transport } from '../transport.js';
import { readUnsent, type UnsentEntry } from './outbox.repository.js';
import { pruneLetters } from '../letters/letter.repository.js';
import { OutboxPruning, pruneRecords } from './pruning.repository.js';
import * as leases from './relay-lease.repository.js';

export interface RelaySettings {
  /** How often it looks when nothing wakes it. A unit committed in this process wakes it at once. */
  readonly pollMs: number;
  readonly batchSize: number;
  /** After a batch that was not full it waits this long, so that under a steady stream the next one is worth its while. */
  readonly restMs: number;
  readonly leaseMs: number;
  /** Sent entries stay at least this long, and longer while a consumer is behind. */
  readonly keepSentMs: number;
  readonly pruneEveryMs: number;
}

export const RELAY_DEFAULTS: RelaySettings = {
  pollMs: 1_000,
  batchSize: 500,
  restMs: 25,
  leaseMs: 15_000,
  keepSentMs: 7 * 86_400_000,
  pruneEveryMs: 60_000,
};

/** After so many entries of different keys that failed alone, it is the transport that is down and not the entries. */
const SUSPECTS = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

interface RelayParts {
  readonly service: ServiceName;
  readonly database: SqlExecutor;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly settings?: Partial<RelaySettings>;
  /** Every consumer that must have settled an event of this topic before it may be pruned. */
  readonly consumersOf: (topic: string) => readonly string[];
}

/**
 * Publishes what the outbox holds. One relay per service works at a time, and the others stand by.
 *
 *                 the lease is free or has run out          nothing is left
 *   standing by ────────────────────────────────▶ publishing ──────────────▶ idle
 *       ▲  ▲                                       │  │  ▲ ▲                  │
 *       │  └──────────── the lease is lost ────────┘  │  │ └─ rung, or pollMs ┘
 *       │                                             │  │
 *       │                      nothing gets through   ▼  │ 100 ms, 200 ms … 5 s
 *       └──── the lease has run out meanwhile ────── paused
 *
 *   standing by  It asks for the lease now and then. What is said in this process does not wake it: another relay is told.
 *   publishing   Batches go out one after the other. While one is on its way the next is read (`ahead`), and the one
 *                before it is marked as sent (`marking`). So there is never more than one batch of which nobody knows
 *                whether it was marked.
 *   idle         A commit of this process rings. Under a steady stream it rests for `restMs` after the last batch, so that
 *                the next one is worth its while.
 *   paused       The transport or the database is not there.
 *
 * Who is to blame when a batch fails whole? It is halved, down to the one entry that it fails for. That is a suspect, and
 * its key is left out while others are tried. If they get through, the suspect's key backs off by itself for 1 s to a
 * minute, as does the key of an entry that the transport refuses by name. If a third fails alone, or there are no others,
 * it was the transport: all of them are tried again after a pause. Every batch that gets through doubles the next one, up
 * to its full size.
 *
 * The fence of the lease stands in each statement that marks or backs off. A relay that slept while another took over
 * marks nothing; what it published is published twice, and has its effect once. Told to stop, it publishes what is there
 * in one last round, waits for mark and pruning, and gives the lease back.
 */
export class Relay {
  private readonly settings: RelaySettings;
  private readonly loop: Loop;
  private readonly holder = randomUUID();
  private lease: leases.RelayLease | undefined;
  private renewAtMs = 0;
  private readonly outboxPruning: OutboxPruning;
  /** What is behind the last batch, read while that was on its way; undefined when it has to be read. */
  private ahead: readonly UnsentEntry[] | undefined;
  /** The last batch is being marked. At most one is; undefined when none has to be waited for. */
  private marking: Promise<void> | undefined;
  private restUntilMs = 0;
  /** The round before had nothing more to do. */
  private hasPaused = false;
  private pruneAtMs = 0;
  private pruning: Promise<void> | undefined;
  private batchSize: number;
  private failures = 0;
  private hasBackOffs = true;
  private suspects: UnsentEntry[] = [];

  constructor(private readonly parts: RelayParts) {
    this.settings = { ...RELAY_DEFAULTS, ...parts.settings };
    this.batchSize = this.settings.batchSize;
    this.outboxPruning = new OutboxPruning({ ...parts, keepSentMs: this.settings.keepSentMs });
    this.loop = new Loop({
      work: () => this.work(),
      onFault: (error) => parts.logger.warn({ error }, 'relay paused'),
      backOff: { firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS },
      hasLastRound: true,
    });
  }

  start(): void {
    this.loop.start();
  }

  /** Something was said: look now. A relay without the lease does not: another one is told. */
  poke(): void {
    if (this.lease !== undefined) this.loop.ring();
  }

  /** Publishes what is there, gives the lease back, and resolves. */
  async stop(): Promise<void> {
    await this.loop.stop();
    await this.pruning;
    await this.marking?.catch(() => undefined); // what is not marked is published again
    if (this.lease === undefined) return;
    await leases.releaseLease(this.parts.database, this.lease).catch(() => undefined); // it runs out by itself
    this.lease = undefined;
  }

  private async work(): Promise<number> {
    if (this.hasPaused) await this.loop.pause(this.restUntilMs - performance.now());
    this.hasPaused = true; // also when the round fails
    const pauseMs = await this.round();
    this.hasPaused = pauseMs > 0;
    return pauseMs;
  }

  /** One batch. Answers how long to pause before the next one, 0 when there may be more. */
  private async round(): Promise<number> {
    const { lease } = this;
    const isHeld = await this.holdsLease();
    if (this.lease !== lease) this.ahead = undefined; // somebody else may have published it
    if (!isHeld) return Math.min(this.settings.leaseMs / 3, this.settings.pollMs);
    this.startPruning();
    if (this.ahead === undefined) await this.marked(); // what is being marked would be read again
    const entries = this.ahead ?? (await this.readUnsent([]));
    this.ahead = undefined;
    const batch = this.withoutSuspects(entries).slice(0, this.batchSize);
    if (batch.length === 0) {
      await this.marked();
      return this.settleIdle();
    }
    return this.publish(batch);
  }

  /** Without those that are on their way, which stand unmarked in the outbox. */
  private readUnsent(onTheWay: readonly UnsentEntry[]): Promise<UnsentEntry[]> {
    const { database, service } = this.parts;
    const limit = this.batchSize + this.suspects.length;
    return readUnsent(database, service, { limit, except: onTheWay.map(({ position }) => position) });
  }

  private async publish(batch: readonly UnsentEntry[]): Promise<number> {
    const lease = this.lease!;
    const isFull = batch.length === this.batchSize;
    const spans = new Map(batch.map((entry) => [entry.event.id, publishingSpan(entry)]));
    const isSteady = isFull && this.batchSize === this.settings.batchSize;
    const meanwhile = this.marked().then(() => (isSteady ? this.readUnsent(batch) : undefined));
    meanwhile.catch(() => undefined); // it is waited for below
    let refused: Awaited<ReturnType<Transport['publish']>>['refused'];
    try {
      ({ refused } = await this.parts.transport.publish(batch));
    } catch (error) {
      for (const span of spans.values()) span.end({ error });
      await meanwhile;
      return this.afterFailure(batch, error);
    }
    this.restUntilMs = performance.now() + this.settings.restMs;
    const reasonOf = new Map(refused.map(({ id, reason }) => [id, reason]));
    for (const [id, span] of spans) span.end(reasonOf.has(id) ? { error: 'refused' } : {});
    const accepted = batch.filter(({ event }) => !reasonOf.has(event.id));
    const behind = await meanwhile;
    this.marking = this.mark(lease, accepted);
    this.marking.catch(() => undefined); // whoever waits for it is told
    const backingOff = batch.filter(({ event }) => reasonOf.has(event.id));
    // Entries that failed alone were to blame after all, since others go through.
    if (accepted.length > 0) backingOff.push(...this.suspects.splice(0));
    this.failures = 0;
    this.batchSize = Math.min(this.batchSize * 2, this.settings.batchSize);
    if (isFull && backingOff.length === 0) {
      this.ahead = behind;
      return 0;
    }
    await this.marked();
    await this.backOff(
      lease,
      backingOff.map(({ topic, key, event }) => ({ topic, key, reason: reasonOf.get(event.id) ?? 'refused alone' })),
    );
    if (isFull) return 0;
    // It was all there was; what came meanwhile has rung the bell.
    return this.settings.pollMs;
  }

  private async mark(lease: leases.RelayLease, entries: readonly UnsentEntry[]): Promise<void> {
    const isHeld = await leases.markSent(
      this.parts.database,
      lease,
      entries.map(({ position }) => position),
    );
    if (!isHeld && this.lease === lease) this.lease = undefined;
  }

  /** @throws what went wrong while the last batch was marked */
  private async marked(): Promise<void> {
    const { marking } = this;
    this.marking = undefined;
    await marking;
  }

  private afterFailure(batch: readonly UnsentEntry[], error: unknown): number {
    this.parts.logger.warn({ error, entries: batch.length }, 'publishing failed');
    if (batch.length > 1) {
      this.batchSize = Math.ceil(batch.length / 2);
      return 0;
    }
    this.suspects.push(...batch);
    if (this.suspects.length < SUSPECTS) return 0;
    this.suspects = [];
    return this.pauseMs();
  }

  private async backOff(lease: leases.RelayLease, refused: readonly leases.RefusedKey[]): Promise<void> {
    if (refused.length === 0) return;
    this.hasBackOffs = true;
    this.parts.logger.warn({ entries: refused.length }, 'entries refused');
    await leases.backOffKeys(this.parts.database, lease, refused);
  }

  private withoutSuspects(entries: readonly UnsentEntry[]): readonly UnsentEntry[] {
    if (this.suspects.length === 0) return entries;
    return entries.filter(
      (entry) => !this.suspects.some(({ topic, key }) => topic === entry.topic && key === entry.key),
    );
  }

  private async settleIdle(): Promise<number> {
    if (this.suspects.length > 0) {
      this.suspects = []; // nothing else to compare with: it is tried again
      return this.pauseMs();
    }
    if (this.hasBackOffs) {
      await leases.clearBackOffs(this.parts.database);
      this.hasBackOffs = await leases.hasBackOffs(this.parts.database);
    }
    return this.settings.pollMs;
  }

  private pauseMs(): number {
    return Math.min(FIRST_PAUSE_MS * 2 ** this.failures++, LONGEST_PAUSE_MS);
  }

  private async holdsLease(): Promise<boolean> {
    const { database } = this.parts;
    const { leaseMs } = this.settings;
    const nowMs = performance.now();
    if (
      this.lease !== undefined &&
      nowMs >= this.renewAtMs &&
      !(await leases.renewLease(database, this.lease, leaseMs))
    )
      this.lease = undefined;
    else if (this.lease !== undefined && nowMs < this.renewAtMs) return true;
    this.lease ??= await leases.takeLease(database, this.holder, leaseMs);
    this.renewAtMs = nowMs + leaseMs / 3;
    return this.lease !== undefined;
  }

  /** Beside the publishing, which it holds up by nothing but the work of the database. */
  private startPruning(): void {
    if (this.pruning !== undefined || performance.now() < this.pruneAtMs) return;
    this.pruneAtMs = performance.now() + this.settings.pruneEveryMs;
    this.pruning = this.prune()
      .catch((error: unknown) => this.parts.logger.warn({ error }, 'pruning put off'))
      .finally(() => (this.pruning = undefined));
  }

  private async prune(): Promise<void> {
    await this.outboxPruning.walk();
    await pruneRecords(this.parts.database);
    await pruneLetters(this.parts.database);
  }
}

/** Each event is published in the trace of what said it, however many go in one batch. */
const publishingSpan = ({ topic, event }: UnsentEntry): OpenSpan =>
  openSpan({
    name: `publish ${topic}`,
    kind: 'producer',
    traceparent: event.traceparent ?? newTraceparent(),
    attributes: {
      'messaging.destination.name': topic,
      'messaging.message.id': event.id,
      'dsops.event.type': event.type,
    },
  });
