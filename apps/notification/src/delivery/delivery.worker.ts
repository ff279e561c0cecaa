import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Bell, Loop, Stop } from '@dsops/background';
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

/**
 * Sends what waits in the ledger for channels outside: claims what is due, sends it outside of any transaction, and
 * writes down what came of it. Any number of workers may run. Where no channel is outside there is nothing to do.
 */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly names: readonly string[];
  private readonly leaseMs: number;
  private readonly sending = new Stop();
  private readonly loop: Loop;

  constructor(
    private readonly channels: Channels,
    private readonly deliveries: DeliveryRepository,
    private readonly destinations: DestinationRepository,
    private readonly settings: SettingsService,
    @Inject(DATABASE) private readonly database: PrismaClient,
    private readonly metrics: NotificationMetrics,
    private readonly bell: Bell,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const outside = channels.outside;
    this.names = outside.map(({ name }) => name);
    this.leaseMs = Math.max(0, ...outside.map(({ limits }) => limits.timeoutMs)) + LEASE_MARGIN_MS;
    this.loop = new Loop({
      work: () => this.work(),
      bell,
      onFault: (error) => logger.warn({ error }, 'the database did not answer the delivery worker; it looks again'),
    });
  }

  onApplicationBootstrap(): void {
    if (this.names.length > 0) this.loop.start();
  }

  /** Attempts that are under way come to their end; what waits is left to the next start. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.loop.stop();
    await this.sending
      .finish()
      .catch((error: unknown) => this.logger.warn({ error }, 'a delivery did not come to its end'));
  }

  private async work(): Promise<number> {
    if (this.sending.underWay >= CONCURRENCY) return LOOK_EVERY_MS;
    const claim = await this.deliveries.claim(this.names, this.leaseMs);
    if (claim === null) return LOOK_EVERY_MS;
    void this.sending.track(this.deliver(claim)).finally(() => this.bell.ring());
    return 0;
  }

  private async deliver(claim: Claim): Promise<void> {
    const { eventId, destinationId, channel: name } = claim;
    try {
      await inContext({ traceparent: claim.traceparent ?? newTraceparent(), eventId }, () =>
        inSpan({ name: `deliver ${name}` }, () => this.take(claim)),
      );
    } catch (error) {
      // Its lease runs out, and it is claimed again.
      this.logger.error({ error, eventId, destinationId, channel: name }, 'a delivery could not be written down');
    }
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
