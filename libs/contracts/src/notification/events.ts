import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { systemActor } from '../principal.js';

export const inboxDelivered = defineEvent({
  type: 'dsops.notification.inbox.delivered.v1',
  topic: 'notification-events',
  producer: 'notification',
  key: 'recipient id',
  fields: {
    notificationId: z.ulid(),
    recipientId: z.string(),
    kind: z.string(),
    title: z.string(),
    priority: z.enum(['normal', 'high']),
    /** The event that it tells about. */
    eventId: z.ulid(),
  },
  description: 'A notification lies in the inbox of its recipient.',
  example: {
    notificationId: '01JD0000000000000000000009',
    recipientId: '01JD0000000000000000000001',
    kind: 'completed',
    title: 'Rotation of payments-db completed',
    priority: 'normal',
    eventId: '01JD000000000000000000000A',
    actor: systemActor,
  },
});
