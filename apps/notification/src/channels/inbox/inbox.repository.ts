import { Inject, Injectable } from '@nestjs/common';
import type { NotificationView } from '@dsops/contracts/notification/api';
import { execute, sql, type SqlExecutor } from '@dsops/database';
import type { Prisma, PrismaClient } from '@dsops/database/notification';
import { DATABASE } from '@dsops/service';
import type { InboxMessage } from './message.js';

interface NewNotification {
  readonly id: string;
  readonly eventId: string;
  readonly recipientId: string;
  readonly message: InboxMessage;
}

interface InboxPage {
  /** Absent: read and unread. */
  readonly isUnread?: boolean;
  /** Only notifications older than this one. */
  readonly before?: string;
  readonly limit: number;
}

const withNotice = { include: { notice: true } } as const;

export async function addNotifications(
  tx: SqlExecutor,
  notifications: readonly NewNotification[],
  createdAt: Date,
): Promise<void> {
  await execute(
    tx,
    sql`insert into notification.notifications (id, event_id, recipient_id, message, created_at)
        select n.id, n.event_id, n.recipient_id, n.message::jsonb, ${createdAt}::timestamptz
          from unnest(
            ${notifications.map(({ id }) => id)}::text[],
            ${notifications.map(({ eventId }) => eventId)}::text[],
            ${notifications.map(({ recipientId }) => recipientId)}::text[],
            ${notifications.map(({ message }) => JSON.stringify(message))}::text[]
          ) as n (id, event_id, recipient_id, message)`,
  );
}

/** Inboxes. Everything that a person asks for names whose inbox it is; what is archived is in no inbox. */
@Injectable()
export class InboxRepository {
  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  /** Newest first. */
  async list(recipientId: string, { isUnread, before, limit }: InboxPage): Promise<NotificationView[]> {
    const rows = await this.database.notification.findMany({
      where: {
        ...inboxOf(recipientId),
        ...(isUnread === undefined ? {} : { readAt: isUnread ? null : { not: null } }),
        ...(before === undefined ? {} : { id: { lt: before } }),
      },
      orderBy: { id: 'desc' },
      take: limit,
      ...withNotice,
    });
    return rows.map(viewOf);
  }

  countUnread(recipientId: string): Promise<number> {
    return this.database.notification.count({ where: { ...inboxOf(recipientId), readAt: null } });
  }

  /** Null when there is no such notification in this inbox. The first reading counts. */
  async markRead(recipientId: string, id: string, readAt: Date): Promise<NotificationView | null> {
    await this.database.notification.updateMany({
      where: { ...inboxOf(recipientId), id, readAt: null },
      data: { readAt },
    });
    const row = await this.database.notification.findFirst({ where: { ...inboxOf(recipientId), id }, ...withNotice });
    return row && viewOf(row);
  }

  async markAllRead(recipientId: string, readAt: Date): Promise<number> {
    const where = { ...inboxOf(recipientId), readAt: null };
    return (await this.database.notification.updateMany({ where, data: { readAt } })).count;
  }

  async clear(recipientId: string): Promise<number> {
    return (await this.database.notification.deleteMany({ where: inboxOf(recipientId) })).count;
  }

  /** Takes everything from before this instant out of all inboxes, and says how many that were. */
  async archive(before: Date, archivedAt: Date): Promise<number> {
    const where = { archivedAt: null, createdAt: { lt: before } };
    return (await this.database.notification.updateMany({ where, data: { archivedAt } })).count;
  }
}

const inboxOf = (recipientId: string) => ({ recipientId, archivedAt: null });

type Row = Prisma.NotificationGetPayload<typeof withNotice>;

const messageOf = ({ message, notice }: Row): InboxMessage =>
  (message as InboxMessage | null) ?? { title: notice.title, body: notice.body, nextSteps: [], place: null };

const viewOf = (row: Row): NotificationView => ({
  id: row.id,
  kind: row.notice.kind,
  ...messageOf(row),
  priority: row.notice.priority as NotificationView['priority'],
  entity: { kind: row.notice.entityKind, id: row.notice.entityId },
  createdAt: row.createdAt.toISOString(),
  readAt: row.readAt?.toISOString() ?? null,
});
