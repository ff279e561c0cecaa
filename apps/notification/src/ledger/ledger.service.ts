import { Inject, Injectable } from '@nestjs/common';
import { systemActor, type Actor, type Role } from '@dsops/contracts/principal';
import { inboxDelivered } from '@dsops/contracts/notification/events';
import { newId, type Clock } from '@dsops/kernel';
import { UNIT_OF_WORK, type Unit, type UnitOfWork } from '@dsops/messaging';
import { CLOCK } from '@dsops/service';
import { InboxRepository } from '../channels/inbox/inbox.repository.js';
import { render } from '../channels/inbox/message.js';
import { keep, notableEvents, recall, type WordedNotice } from '../notice/notice.js';
import { LedgerRepository, type Balance, type Recipient } from './ledger.repository.js';

/**
 * Sees to it that each notable event ends for each of its recipients in exactly one row of the ledger (N10), with the
 * notification in the inbox and `inbox.delivered` in the same transaction.
 */
@Injectable()
export class LedgerService {
  constructor(
    private readonly ledger: LedgerRepository,
    private readonly inbox: InboxRepository,
    @Inject(UNIT_OF_WORK) private readonly units: UnitOfWork,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Tells everybody who was a recipient when it happened. */
  async tell(worded: WordedNotice, unit: Unit): Promise<void> {
    await this.ledger.lock(unit.tx);
    await this.ledger.addNotice(unit.tx, keep(worded));
    const recipients = await this.ledger.recipientsAt(unit.tx, worded.notice.happenedAt);
    await this.deliver(
      recipients.map((recipient) => ({ recipient, worded })),
      unit,
    );
  }

  /** From now on there is this recipient. Topics have no order among each other: what it missed by that is told now. */
  async welcome(principal: Actor, role: Role, since: Date, unit: Unit): Promise<void> {
    await this.ledger.lock(unit.tx);
    await this.ledger.addRecipient(unit.tx, principal, role, since);
    const notices = await this.ledger.noticesFor(unit.tx, principal.id);
    const recipient = { id: principal.id, isRevoked: false };
    await this.deliver(
      notices.map((notice) => ({ recipient, worded: recall(notice) })),
      unit,
    );
  }

  /** What happens from this instant on is no longer for this principal. */
  async dismiss(principal: Actor, revokedAt: Date, { tx }: Unit): Promise<void> {
    await this.ledger.lock(tx);
    await this.ledger.revokeRecipient(tx, principal.id, revokedAt);
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
        const recipients = await this.ledger.recipientsAt(tx, happenedAt);
        const decisions = recipients.map(
          ({ id }) => ({ eventId, recipientId: id, outcome: 'dead_lettered', reason }) as const,
        );
        return (await this.ledger.decide(tx, decisions, this.clock.now())).length;
      });
    return settled;
  }

  /** Does every notable event have its final row for every recipient? `missing` names those that do not. */
  async balance(): Promise<Balance> {
    await this.settleDeadLetters();
    return this.ledger.balance();
  }

  private async deliver(pairs: readonly { recipient: Recipient; worded: WordedNotice }[], unit: Unit): Promise<void> {
    const now = this.clock.now();
    const told = new Map(pairs.map(({ worded }) => [worded.notice.eventId, worded]));
    const decided = await this.ledger.decide(
      unit.tx,
      pairs.map(({ recipient, worded }) => ({
        eventId: worded.notice.eventId,
        recipientId: recipient.id,
        ...outcomeFor(recipient),
      })),
      now,
    );
    const delivered = decided
      .filter(({ outcome }) => outcome === 'delivered')
      .map(({ eventId, recipientId }) => {
        const worded = told.get(eventId)!;
        return { id: newId(), eventId, recipientId, notice: worded.notice, message: render(worded) };
      });
    await this.inbox.add(unit.tx, delivered, now);
    for (const { id, eventId, recipientId, notice, message } of delivered)
      unit.emit({
        event: inboxDelivered,
        key: recipientId,
        subject: `notification/${id}`,
        data: {
          notificationId: id,
          recipientId,
          kind: notice.kind,
          title: message.title,
          priority: notice.priority,
          eventId,
          actor: systemActor,
        },
      });
  }
}

const outcomeFor = ({ isRevoked }: Recipient) =>
  isRevoked
    ? ({ outcome: 'suppressed', reason: 'The recipient was revoked before it could be delivered.' } as const)
    : ({ outcome: 'delivered', reason: null } as const);
