import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Bell, DueWorker } from '@dsops/background';
import type { PrismaClient } from '@dsops/database/notification';
import { inContext, inSpan, newTraceparent, type Logger } from '@dsops/platform';
import { DATABASE, LOGGER } from '@dsops/service';
import { attemptOf } from '../channels/attempt.js';
import type { OutsideChannel, Sent } from '../channels/channel.js';
import { Channels } from '../channels/channels.js';
import { RETRY_POLICIES } from '../channels/retry-policy.js';
import { NotificationMetrics } from '../notification-metrics.service.js';
import { DestinationRepository } from '../routing/destination.repository.js';
import { SettingsService } from '../routing/settings.service.js';
import { afterAttempt, beforeAttempt } from './delivery.js';
import { DeliveryRepository, type Claim } from './delivery.repository.js';

/** Attempts at the same time: a slow medium holds up its own destination, and others only when this many are slow. */
const CONCURRENCY = 8;
/** How often it looks for what is due when nobody rings: for what is tried again, and for what other processes have told. */
const LOOK_EVERY_MS = 500;
/** Beyond the time of an attempt: for reading settings before and for writing down what came of it. */
const LEASE_MARGIN_MS = 15_000;
const UNWRITTEN = 'What came of the attempt could not be written down.';

/**
 * Sends what waits in the ledger for channels outside: claims what is due, sends it outside of any transaction, and
 * writes down what came of it. Any number of workers may run. Where no channel is outside there is nothing to do.
 */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly names: readonly string[];
  private readonly worker: DueWorker<Claim>;

  constructor(
    private readonly channels: Channels,
    private readonly deliveries: DeliveryRepository,
    private readonly destinations: DestinationRepository,
    private readonly settings: SettingsService,
    @Inject(DATABASE) private readonly database: PrismaClient,
    private readonly metrics: NotificationMetrics,
    bell: Bell,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const outside = channels.outside;
    this.names = outside.map(({ name }) => name);
    const leaseMs = Math.max(0, ...outside.map(({ limits }) => limits.timeoutMs)) + LEASE_MARGIN_MS;
    this.worker = new DueWorker({
      claim: () => deliveries.claim(this.names, leaseMs),
      keyOf: ({ eventId, destinationId }) => `${eventId}.${destinationId}`,
      work: (claim) => this.deliver(claim),
      putOff: (claim, afterMs, error) => this.putOff(claim, afterMs, error),
      concurrency: CONCURRENCY,
      lookEveryMs: LOOK_EVERY_MS,
      bell,
      onFault: (error) => logger.warn({ error }, 'the delivery worker could not go on, and looks again'),
    });
  }

  onApplicationBootstrap(): void {
    if (this.names.length > 0) this.worker.start();
  }

  /** Attempts that are under way come to their end; what waits is left to the next start. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }

  private deliver(claim: Claim): Promise<void> {
    const { eventId, channel: name } = claim;
    return inContext({ traceparent: claim.traceparent ?? newTraceparent(), eventId }, () =>
      inSpan({ name: `deliver ${name}` }, () => this.take(claim)),
    );
  }

  /** What came of an attempt could not be written down, so it counts and is made again. Should this fail, too, its lease runs out. */
  private async putOff(claim: Claim, afterMs: number, error: unknown): Promise<void> {
    const { eventId, destinationId, channel } = claim;
    this.logger.error({ error, eventId, destinationId, channel }, 'a delivery could not be written down');
    await this.deliveries.putBack(claim, { kind: 'again', afterMs, failure: UNWRITTEN, isPause: false }, 0);
  }

  private async take(claim: Claim): Promise<void> {
    const channel = this.channels.of(claim.channel);
    if (channel?.reach !== 'outside') return;
    const { betweenMs, retries } = channel.limits;
    const policy = RETRY_POLICIES[retries];
    const before = beforeAttempt(claim, policy, claim.claimedAt);
    const restMs = before.kind === 'send' ? betweenMs : 0;
    const next =
      before.kind === 'send'
        ? afterAttempt(await this.attempt(channel, claim), claim, policy, claim.claimedAt)
        : before;
    const about = { eventId: claim.eventId, destinationId: claim.destinationId, channel: channel.name };
    if (next.kind === 'again') {
      await this.deliveries.putBack(claim, next, restMs);
      this.logger.info({ ...about, afterMs: next.afterMs, failure: next.failure }, 'a delivery is tried again');
      return;
    }
    if (!(await this.deliveries.end(claim, next, restMs))) return;
    this.metrics.ended(channel.name, next.kind);
    if (next.kind === 'dead_lettered') this.logger.warn({ ...about, reason: next.reason }, 'a delivery was given up');
  }

  private attempt(channel: OutsideChannel, { eventId, destinationId, attempts, settings, told }: Claim): Promise<Sent> {
    return attemptOf(channel, { key: `${eventId}.${destinationId}`, number: attempts }, async (attempt) => {
      const sealed = await this.destinations.sealedSettings(this.database, destinationId);
      const read = this.settings.read(channel, destinationId, { open: settings, sealed });
      return channel.send(channel.render(told, read), read, attempt);
    });
  }
}
