import { Controller } from '@nestjs/common';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import {
  clearInbox,
  countUnread,
  listNotifications,
  markAllRead,
  readNotification,
} from '@dsops/contracts/notification/api';
import { CalledBy, Input, Serves, type Caller, type InputOf } from '@dsops/platform';
import { InboxService } from './inbox.service.js';

@Controller()
export class InboxController {
  constructor(private readonly inbox: InboxService) {}

  @Serves(listNotifications)
  list(
    @CalledBy() { actor }: Caller,
    @Input(listNotifications) { query }: InputOf<typeof listNotifications>,
  ): Promise<ResponseOf<typeof listNotifications>> {
    return this.inbox.list(actor.id, query);
  }

  @Serves(countUnread)
  async count(@CalledBy() { actor }: Caller): Promise<ResponseOf<typeof countUnread>> {
    return { unread: await this.inbox.countUnread(actor.id) };
  }

  @Serves(readNotification)
  read(
    @CalledBy() { actor }: Caller,
    @Input(readNotification) { params }: InputOf<typeof readNotification>,
  ): Promise<ResponseOf<typeof readNotification>> {
    return this.inbox.read(actor.id, params.notificationId);
  }

  @Serves(markAllRead)
  async readAll(@CalledBy() { actor }: Caller): Promise<ResponseOf<typeof markAllRead>> {
    return { read: await this.inbox.markAllRead(actor.id) };
  }

  @Serves(clearInbox)
  async clear(@CalledBy() { actor }: Caller): Promise<ResponseOf<typeof clearInbox>> {
    return { cleared: await this.inbox.clear(actor.id) };
  }
}
