import { setTimeout as wait } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Optional,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { z } from 'zod';
import { Every } from '@dsops/background';
import { principalRevoked } from '@dsops/contracts/gateway/events';
import { DomainError, type Clock } from '@dsops/kernel';
import { Metrics, type Logger } from '@dsops/platform';
import { ApiKeyRepository } from '../access/api-key.repository.js';
import { CLOCK, LOGGER } from '@dsops/service';
import { TUNING, type GatewayTuning } from '../gateway.options.js';
import type { FeedFilter } from './feed-filter.js';
import { frameOf, opening, type FeedEvent } from './feed-frames.js';
import { FeedStream, type Sink } from './feed-stream.js';
import { FeedTail } from './feed-tail.service.js';
import { FeedRepository } from './feed.repository.js';

const PAGE = 100;
const RETRY_MS = 2_000;
const MOST_STREAMS = 500;
const MOST_PER_PRINCIPAL = 20;
const LONGEST_STALL_MS = 60_000;
const LONGEST_GOODBYE_MS = 1_000;

/** The streams of this process: how they begin, live and end. */
@Injectable()
export class FeedHub implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Every open stream, and those of them that have caught up. */
  private readonly streams = new Set<FeedStream>();
  private readonly live = new Set<FeedStream>();
  private readonly beats: Every;
  private readonly checks: Every;
  private isClosing = false;

  constructor(
    private readonly feed: FeedRepository,
    private readonly tail: FeedTail,
    private readonly keys: ApiKeyRepository,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(TUNING) private readonly tuning: GatewayTuning,
    @Optional() metrics?: Metrics,
  ) {
    metrics?.gauge('dsops_sse_clients', 'Open streams of events', [], async () => [
      { labels: {}, value: this.streams.size },
    ]);
    const often = { everyMs: tuning.feedHeartbeatMs, first: 'after-interval' } as const;
    this.beats = new Every({
      ...often,
      pass: async () => this.beat(),
      onFault: (error) => logger.warn({ error }, 'streams could not be given a sign of life'),
    });
    // Apart from the beats: a database that does not answer holds up no sign of life.
    this.checks = new Every({
      ...often,
      pass: () => this.dismissRevoked(),
      onFault: (error) => logger.warn({ error }, 'principals of streams cannot be checked'),
    });
  }

  onApplicationBootstrap(): void {
    this.beats.start();
    this.checks.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    for (const stream of this.streams) stream.end();
    await Promise.all([this.beats.stop(), this.checks.stop()]);
    await this.tail.stop();
    await this.emptied();
  }

  /** @throws DomainError `streams_exhausted`, `closing`: before anything was sent. */
  assertRoom(principalId: string): void {
    if (this.isClosing)
      throw new DomainError('closing', 'unavailable', 'dsops is stopping.', { remedy: 'Try again in a moment.' });
    const own = [...this.streams].filter((stream) => stream.principalId === principalId).length;
    if (own < MOST_PER_PRINCIPAL && this.streams.size < MOST_STREAMS) return;
    throw new DomainError('streams_exhausted', 'rate_limited', 'Too many live streams are open.', {
      remedy: `Close some: a key may have ${MOST_PER_PRINCIPAL} at a time.`,
      retryAfterS: 10,
    });
  }

  /**
   * Follows the feed for one client until one of the two sides ends it.
   * @param after the last position that the client has seen; undefined: only what happens from now on
   */
  async follow(sink: Sink, filter: FeedFilter, after: bigint | undefined): Promise<void> {
    const start = await this.enter(after);
    const options = { bufferLimit: this.tuning.feedBuffer, monotonicMs: () => this.clock.monotonicMs() };
    const stream = new FeedStream(sink, filter, start.position, options);
    this.streams.add(stream);
    sink.on('close', () => this.leave(stream));
    await this.guarded(stream, async () => {
      await stream.send(opening(RETRY_MS));
      // The client is ahead of us: this feed is not the one it followed.
      if (after !== undefined && after > start.head)
        await stream.tell({ from: start.head + 1n, to: after }, start.head);
      await this.catchUp(stream);
    });
  }

  /** The answer has begun: all that can be said of a failure is that it ends. The client connects again by itself. */
  private async guarded(stream: FeedStream, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warn({ error }, 'stream broke off');
      stream.end();
      this.leave(stream);
    }
  }

  /** The tail runs before anybody reads the table, so that nothing falls between the two. */
  private async enter(after: bigint | undefined): Promise<{ position: bigint; head: bigint }> {
    await this.tail.start((events) => this.spread(events));
    const { head } = await this.feed.read(0n, 0);
    return { head, position: after === undefined || after > head ? head : after };
  }

  private async catchUp(stream: FeedStream): Promise<void> {
    while (!stream.isClosed && !this.isClosing) {
      const { events, head, oldest } = await this.feed.read(stream.position, PAGE, stream.filter);
      if (stream.position + 1n < oldest) await stream.tell({ from: stream.position + 1n, to: oldest - 1n });
      const last = events.at(-1);
      for (const event of events) await stream.send(frameOf(event));
      const reached = events.length === PAGE && last !== undefined ? last.position : head;
      if (reached > stream.position) stream.position = reached;
      // From here to the end of the turn nobody else runs: what comes next is offered to it.
      if (this.tail.position !== undefined && stream.position >= this.tail.position) return void this.live.add(stream);
      if (this.tail.position === undefined) await this.tail.start((found) => this.spread(found));
    }
  }

  private spread(events: readonly FeedEvent[]): void {
    const framed = events.map((event) => ({ event, text: frameOf(event) }));
    for (const stream of this.live)
      if (!stream.offer(framed)) {
        this.live.delete(stream);
        void this.recover(stream);
      }
    for (const { type, json } of events) if (type === principalRevoked.type) this.dismiss([principalOf(json)]);
  }

  /** A client that could not keep up is sent the table at its own pace. */
  private async recover(stream: FeedStream): Promise<void> {
    await this.guarded(stream, async () => {
      await stream.drained();
      await this.catchUp(stream);
    });
  }

  private dismiss(principalIds: readonly string[]): void {
    for (const stream of this.streams) if (principalIds.includes(stream.principalId)) stream.end();
  }

  private leave(stream: FeedStream): void {
    this.live.delete(stream);
    this.streams.delete(stream);
    if (this.streams.size === 0 && !this.isClosing) void this.tail.stop();
  }

  /** Waits a moment for the clients to go, then ends their connections: the server cannot stop before. */
  private async emptied(): Promise<void> {
    const deadlineMs = this.clock.monotonicMs() + LONGEST_GOODBYE_MS;
    while (this.streams.size > 0 && this.clock.monotonicMs() < deadlineMs) await wait(10);
    for (const stream of this.streams) stream.cut();
  }

  /** Signs of life, and an end for clients that read no more. */
  private beat(): void {
    for (const stream of this.streams) if (stream.stalledMs > LONGEST_STALL_MS) stream.cut();
    for (const stream of this.live) stream.beat();
  }

  /** What the events may have missed: principals that were revoked. */
  private async dismissRevoked(): Promise<void> {
    const principalIds = new Set([...this.streams].map(({ principalId }) => principalId));
    this.dismiss(await this.keys.revokedAmong([...principalIds]));
  }
}

const revokedSchema = z.looseObject({ data: principalRevoked.data });
const principalOf = (json: string): string => revokedSchema.parse(JSON.parse(json)).data.principal.id;
