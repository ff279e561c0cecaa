import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { NotificationView } from '@dsops/contracts/notification/api';
import { DomainError, type Clock } from '@dsops/kernel';
import { cursorOf, type Page } from '@dsops/platform';
import { CLOCK } from '@dsops/service';
import { InboxRepository } from './inbox.repository.js';

/** Older notifications are in no inbox any more (N8). */
export const ARCHIVE_AFTER_MS = 30 * 86_400_000;

const places = cursorOf(z.ulid());

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
  ): Promise<Page<NotificationView>> {
    const before = places.read(cursor);
    const found = await this.inbox.list(recipientId, {
      limit: limit + 1,
      ...(unread === undefined ? {} : { isUnread: unread }),
      ...(before === undefined ? {} : { before }),
    });
    return places.pageOf(found, limit, ({ id }) => id);
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
