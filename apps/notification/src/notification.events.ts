import type { EventData } from '@dsops/contracts/define-event';
import { principalCreated, principalRevoked } from '@dsops/contracts/gateway/events';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { EventConsumer, Handles, type Unit } from '@dsops/messaging';
import { LedgerService } from './ledger/ledger.service.js';
import { notableEvents, noticeOf } from './notice/notice.js';
import type { NotableData } from './notice/tellings.js';

/** What notification hears: what is worth telling, and whom to tell. */
@EventConsumer('notification')
export class NotificationEvents {
  constructor(private readonly ledger: LedgerService) {}

  @Handles(...notableEvents)
  async tell(event: EventEnvelope<NotableData>, unit: Unit): Promise<void> {
    await this.ledger.tell(noticeOf(event), unit);
  }

  @Handles(principalCreated)
  async welcome({ data, time }: EventEnvelope<EventData<typeof principalCreated>>, unit: Unit): Promise<void> {
    // A machine reads none; what is not delivered to it adds nothing to the record.
    if (data.hasInbox === false) return;
    await this.ledger.welcome(data.principal, data.role, new Date(time), unit);
  }

  @Handles(principalRevoked)
  async dismiss({ data, time }: EventEnvelope<EventData<typeof principalRevoked>>, unit: Unit): Promise<void> {
    await this.ledger.dismiss(data.principal, new Date(time), unit);
  }
}
