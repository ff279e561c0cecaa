import { Inject, Injectable } from '@nestjs/common';
import type { NotificationView } from '@dsops/contracts/notification/api';
import { DomainError, isId, type Clock } from '@dsops/kernel';
import { CLOCK } from '@dsops/service';
import { InboxRepository } from './inbox.repository.js';

/** Older notifications are in no inbox any more (N8). */
export const ARCHIVE_AFTER_MS = 30 * 86_400_000;

/** The inbox of one recipient; nobody reaches another's. */
@Injectable()
export class InboxService {
  constructor(
    private readonly inbox: InboxRepository,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Newest first.
   * @throws DomainError `cursor_invalid`
   */
  async list(
    recipientId: string,
    { unread, cursor, limit }: { unread?: boolean | undefined; cursor?: string | undefined; limit: number },
  ): Promise<{ items: NotificationView[]; next: string | null }> {
    if (cursor !== undefined && !isId(cursor))
      throw new DomainError('cursor_invalid', 'invalid', 'This cursor is not one of ours.', {
        path: 'query.cursor',
        remedy: 'Give back `next` of the page before, or leave the cursor out to start at the newest.',
      });
    const found = await this.inbox.list(recipientId, {
      limit: limit + 1,
      ...(unread === undefined ? {} : { isUnread: unread }),
      ...(cursor === undefined ? {} : { before: cursor }),
    });
    const items = found.slice(0, limit);
    return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  countUnread(recipientId: string): Promise<number> {
    return this.inbox.countUnread(recipientId);
  }

  /** @throws DomainError `notification_unknown` */
  async read(recipientId: string, notificationId: string): Promise<NotificationView> {
    const notification = await this.inbox.markRead(recipientId, notificationId, this.clock.now());
    if (notification === null)
      throw new DomainError('notification_unknown', 'not_found', 'There is no such notification in your inbox.', {
        remedy: 'It may have been cleared or archived. See what there is with: dsops inbox list',
      });
    return notification;
  }

  markAllRead(recipientId: string): Promise<number> {
    return this.inbox.markAllRead(recipientId, this.clock.now());
  }

  clear(recipientId: string): Promise<number> {
    return this.inbox.clear(recipientId);
  }

  /** Takes what is old out of all inboxes, and says how many notifications that were. */
  archiveOld(): Promise<number> {
    const now = this.clock.now();
    return this.inbox.archive(new Date(now.getTime() - ARCHIVE_AFTER_MS), now);
  }
}
