import { Inject, Injectable } from '@nestjs/common';
import { consumers, eventRegistry, inboxDelivered, type EventEnvelope } from '@dsops/contracts';
import type { Clock } from '@dsops/kernel';
import { EventConsumer, Handles, type Unit } from '@dsops/messaging';
import { CLOCK } from '../gateway.options.js';
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

  @Handles(...consumers.feed.handles)
  async append(event: EventEnvelope, { tx }: Unit): Promise<void> {
    const { type } = event;
    const topic = eventRegistry.get(type)!.topic;
    const json = JSON.stringify(event);
    const position = await this.feed.append(tx, { topic, type, onlyFor: readerOf(event), json, at: this.clock.now() });
    this.tail.expect(position);
  }
}

/** An inbox is its owner's business; everything else is told to all who may see its topic. */
const readerOf = (event: EventEnvelope): string | null =>
  event.type === inboxDelivered.type ? inboxDelivered.data.parse(event.data).recipientId : null;
