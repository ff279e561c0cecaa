import { Inject, Injectable } from '@nestjs/common';
import type { Actor, Role } from '@dsops/contracts/principal';
import { Bell } from '@dsops/background';
import { newId, type Clock } from '@dsops/kernel';
import { UNIT_OF_WORK, type Unit, type UnitOfWork } from '@dsops/messaging';
import { currentContext } from '@dsops/platform';
import { CLOCK } from '@dsops/service';
import type { InboxEntry, InsideChannel } from '../channels/channel.js';
import { Channels } from '../channels/channels.js';
import { addNotice } from '../notice/notice.repository.js';
import { keep, notableEvents, recall, type WordedNotice } from '../notice/notice.js';
import { routeTo, type Destination } from '../routing/destination.js';
import { DestinationRepository } from '../routing/destination.repository.js';
import type { Balance, Decision } from './ledger.js';
import { LedgerRepository } from './ledger.repository.js';

interface Pair {
  readonly destination: Destination;
  readonly told: WordedNotice;
}

/**
 * Sees to it that each notable event ends at each of its destinations in exactly one way (N10). What a channel puts into
 * our own database is delivered here, in the transaction of the decision; what goes out waits in the ledger for a worker.
 */
@Injectable()
export class LedgerService {
  constructor(
    private readonly ledger: LedgerRepository,
    private readonly destinations: DestinationRepository,
    private readonly channels: Channels,
    private readonly bell: Bell,
    @Inject(UNIT_OF_WORK) private readonly units: UnitOfWork,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Tells every destination that was there when it happened. */
  async tell(told: WordedNotice, unit: Unit): Promise<void> {
    await this.ledger.lock(unit.tx);
    await addNotice(unit.tx, keep(told));
    const destinations = await this.destinations.destinationsAt(unit.tx, told.notice.happenedAt);
    await this.decide(
      destinations.map((destination) => ({ destination, told })),
      unit,
    );
  }

  /** From now on there is this recipient. Topics have no order among each other: what it missed by that is told now. */
  async welcome(principal: Actor, role: Role, since: Date, unit: Unit): Promise<void> {
    await this.ledger.lock(unit.tx);
    await this.destinations.addRecipient(unit.tx, principal, role, since);
    for (const destination of await this.destinations.destinationsOf(unit.tx, principal.id))
      await this.catchUp(destination, unit);
  }

  /** What happened since this destination is there, and was told before it was known here, is told now. */
  async catchUp(destination: Destination, unit: Unit): Promise<void> {
    const notices = await this.destinations.noticesFor(unit.tx, destination.id);
    await this.decide(
      notices.map((notice) => ({ destination, told: recall(notice) })),
      unit,
    );
  }

  /** What happens from this instant on is no longer for this principal. */
  async dismiss(principal: Actor, revokedAt: Date, { tx }: Unit): Promise<void> {
    await this.ledger.lock(tx);
    await this.destinations.revokeRecipient(tx, principal.id, revokedAt);
  }

  /**
   * Gives the events that the consumer gave up on their rows, with the reason; a replay that succeeds turns them into
   * deliveries. Answers how many rows are new.
   */
  async settleDeadLetters(): Promise<number> {
    let settled = 0;
    for (const { eventId, happenedAt, reason } of await this.ledger.deadLetters(notableEvents.map(({ type }) => type)))
      settled += await this.units.run(async ({ tx }) => {
        await this.ledger.lock(tx);
        const destinations = await this.destinations.destinationsAt(tx, happenedAt);
        const decisions = destinations.map(
          ({ id, recipientId, channel }) =>
            ({ eventId, destinationId: id, recipientId, channel, outcome: 'dead_lettered', reason }) as const,
        );
        return (await this.ledger.decide(tx, decisions, this.clock.now())).length;
      });
    return settled;
  }

  /** Does every notable event have its row for every destination? `missing` names those that do not. */
  async balance(): Promise<Balance> {
    await this.settleDeadLetters();
    return this.ledger.balance();
  }

  private async decide(pairs: readonly Pair[], unit: Unit): Promise<void> {
    const now = this.clock.now();
    const pairOf = new Map(pairs.map((pair) => [keyOf(pair.told.notice.eventId, pair.destination.id), pair]));
    const decisions = pairs.map((pair) => this.decisionOn(pair));
    const entries = new Map<InsideChannel, InboxEntry<unknown>[]>();
    const decided = await this.ledger.decide(unit.tx, decisions, now, currentContext()?.traceparent);
    for (const { eventId, destinationId, outcome } of decided) {
      const { destination, told } = pairOf.get(keyOf(eventId, destinationId))!;
      const channel = this.channels.of(destination.channel);
      if (outcome !== 'delivered' || channel?.reach !== 'inside') continue;
      const put = entries.get(channel) ?? [];
      entries.set(channel, put);
      put.push(entryOf(channel, destination, told));
    }
    for (const [channel, put] of entries) await channel.put(put, unit, now);
    if (decided.some(({ outcome }) => outcome === null)) unit.afterCommit(() => this.bell.ring());
  }

  private decisionOn({ destination, told: { notice } }: Pair): Decision {
    const { id: destinationId, recipientId, channel } = destination;
    const about = { eventId: notice.eventId, destinationId, recipientId, channel };
    const route = routeTo(destination, notice.kind);
    if (route.kind === 'suppress') return { ...about, outcome: 'suppressed', reason: route.reason };
    return { ...about, outcome: this.channels.of(channel)?.reach === 'inside' ? 'delivered' : null, reason: null };
  }
}

const keyOf = (eventId: string, destinationId: string) => `${eventId} ${destinationId}`;

function entryOf(
  channel: InsideChannel,
  { id, recipientId, settings }: Destination,
  told: WordedNotice,
): InboxEntry<unknown> {
  if (recipientId === null) throw new TypeError(`The destination ${id} of the channel ${channel.name} is nobody's.`);
  const { eventId, kind, priority } = told.notice;
  const message = channel.render(told, channel.settings.parse(settings));
  return { id: newId(), eventId, recipientId, kind, priority, message };
}
