import { z } from 'zod';
import { defineOperation } from '../define-operation.js';
import { pageOf, pageQuery } from '../page.js';

/**
 * What a person may want to do about a notification. A client words each in its own way, as a command or a link, and
 * passes over what it does not know.
 */
export const NEXT_STEPS = ['follow', 'see_steps', 'see_target', 'try_again', 'resume', 'clear'] as const;
export type NextStep = (typeof NEXT_STEPS)[number];

export const notificationViewSchema = z.object({
  id: z.ulid(),
  /** `started completed failed rollback needs_operator` */
  kind: z.string(),
  title: z.string(),
  body: z.string(),
  priority: z.enum(['normal', 'high']),
  entity: z.object({ kind: z.string(), id: z.string() }),
  /** Null where it is not known. */
  place: z.object({ environment: z.string(), service: z.string() }).nullable().default(null),
  /** `follow see_steps see_target try_again resume`, the most useful first */
  nextSteps: z.array(z.string()).default([]),
  createdAt: z.iso.datetime(),
  readAt: z.iso.datetime().nullable(),
});
export type NotificationView = z.infer<typeof notificationViewSchema>;

const tag = 'inbox';
const service = 'notification';
const role = 'viewer';

export const listNotifications = defineOperation({
  id: 'listNotifications',
  method: 'GET',
  path: '/notifications',
  service,
  tag,
  role,
  status: 200,
  summary: 'The inbox of who asks, newest first',
  query: z.strictObject({
    unread: z
      .stringbool()
      .meta({ enum: ['true', 'false'] })
      .optional(),
    ...pageQuery,
  }),
  response: pageOf(notificationViewSchema),
});

export const countUnread = defineOperation({
  id: 'countUnread',
  method: 'GET',
  path: '/notifications/unread-count',
  service,
  tag,
  role,
  status: 200,
  summary: 'How many are unread',
  response: z.object({ unread: z.int() }),
});

export const readNotification = defineOperation({
  id: 'readNotification',
  method: 'POST',
  path: '/notifications/{notificationId}/read',
  service,
  tag,
  role,
  status: 200,
  summary: 'Mark one as read',
  params: z.object({ notificationId: z.ulid() }),
  response: notificationViewSchema,
});

export const markAllRead = defineOperation({
  id: 'markAllRead',
  method: 'POST',
  path: '/notifications/mark-all-read',
  service,
  tag,
  role,
  status: 200,
  summary: 'Mark all as read',
  response: z.object({ read: z.int() }),
});

export const clearInbox = defineOperation({
  id: 'clearInbox',
  method: 'DELETE',
  path: '/notifications/clear',
  service,
  tag,
  role,
  status: 200,
  summary: 'Empty the inbox; the ledger of deliveries keeps its record',
  response: z.object({ cleared: z.int() }),
});
