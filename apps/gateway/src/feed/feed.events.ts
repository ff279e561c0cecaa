import { Inject, Injectable } from '@nestjs/common';
import { consumers } from '@dsops/contracts/consumers';
import { eventRegistry } from '@dsops/contracts/event-registry';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { inboxDelivered } from '@dsops/contracts/notification/events';
import type { SqlExecutor } from '@dsops/database';
import type { Clock } from '@dsops/kernel';
import { EventConsumer, HandlesTogether } from '@dsops/messaging';
import { CLOCK } from '@dsops/service';
import { FeedTail } from './feed-tail.service.js';
import { FeedRepository } from './feed.repository.js';

/** Appends every event of the product to the feed, in the transaction in which the consumer's cursor moves. */
@EventConsumer('feed')
@Injectable()
export class FeedEvents {
  constructor(
    private readonly feed: FeedRepository,
    private readonly tail: FeedTail,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @HandlesTogether(...consumers.feed.handles)
  async append(events: readonly EventEnvelope[], tx: SqlExecutor): Promise<void> {
    const toAppend = events.map((event) => ({
      topic: eventRegistry.get(event.type)!.topic,
      type: event.type,
      onlyFor: readerOf(event),
      json: JSON.stringify(event),
    }));
    this.tail.expect(await this.feed.append(tx, toAppend, this.clock.now()));
  }
}

/** An inbox is its owner's business; everything else is told to all who may see its topic. */
const readerOf = (event: EventEnvelope): string | null =>
  event.type === inboxDelivered.type ? inboxDelivered.data.parse(event.data).recipientId : null;
