import { z } from 'zod';
import { inboxDelivered } from '@dsops/contracts/notification/events';
import { systemActor } from '@dsops/contracts/principal';
import { defineInside } from '../channel.js';
import { addNotifications } from './inbox.repository.js';
import { render, type InboxMessage } from './message.js';

/** The inbox that dsops keeps for each recipient. */
export const inbox = defineInside<z.ZodObject, InboxMessage>({
  name: 'inbox',
  settings: z.strictObject({}),
  render,
  async put(entries, unit, at) {
    await addNotifications(unit.tx, entries, at);
    for (const { id, eventId, recipientId, kind, priority, message } of entries)
      unit.emit({
        event: inboxDelivered,
        key: recipientId,
        subject: `notification/${id}`,
        data: { notificationId: id, recipientId, kind, title: message.title, priority, eventId, actor: systemActor },
      });
  },
});
