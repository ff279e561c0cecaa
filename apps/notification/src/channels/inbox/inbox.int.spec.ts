import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/notification';
import { newId } from '@dsops/kernel';
import { createTestDatabase, FakeClock, type TestDatabase } from '@dsops/testing';
import { addNotifications, InboxRepository } from './inbox.repository.js';
import { ARCHIVE_AFTER_MS, InboxService } from './inbox.service.js';

describe('an inbox on PostgreSQL', () => {
  let home: TestDatabase;
  let database: PrismaClient;
  let repository: InboxRepository;
  let inbox: InboxService;
  let clock: FakeClock;
  let me: string;
  let other: string;

  async function put(...recipients: string[]): Promise<string[]> {
    const notifications = recipients.map((recipientId) => {
      const id = newId();
      const message = { title: `about ${id}`, body: 'All is well.', nextSteps: [], place: null };
      return { id, eventId: newId(), recipientId, message };
    });
    for (const { eventId, id } of notifications)
      await database.notice.create({
        data: {
          eventId,
          kind: 'completed',
          title: `about ${id}`,
          body: 'All is well.',
          priority: 'normal',
          entityKind: 'rotation',
          entityId: 'R1',
          happenedAt: clock.now(),
        },
      });
    await addNotifications(database, notifications, clock.now());
    return notifications.map(({ id }) => id);
  }
  const idsOf = async (recipient: string, query: { unread?: boolean } = {}) =>
    (await inbox.list(recipient, { ...query, limit: 200 })).items.map(({ id }) => id);

  beforeAll(async () => {
    home = await createTestDatabase();
    database = connect(PrismaClient, 'notification', home.options);
    repository = new InboxRepository(database);
  });

  beforeEach(async () => {
    await database.notification.deleteMany();
    clock = new FakeClock();
    inbox = new InboxService(repository, clock);
    [me, other] = [newId(), newId()];
    for (const id of [me, other])
      await database.recipient.create({ data: { id, kind: 'user', name: id, role: 'viewer', since: clock.now() } });
  });

  afterAll(async () => {
    await database.$disconnect();
    await home.drop();
  });

  it('shows the newest first, page by page, and nothing of others', async () => {
    const [first, , second, third] = await put(me, other, me, me);
    const page = await inbox.list(me, { limit: 2 });
    expect(page).toMatchObject({ items: [{ id: third }, { id: second }], next: expect.any(String) });
    expect(await inbox.list(me, { limit: 2, cursor: page.next! })).toMatchObject({
      items: [{ id: first }],
      next: null,
    });
    await expect(inbox.list(me, { limit: 2, cursor: 'x' })).rejects.toMatchObject({ code: 'cursor_invalid' });
  });

  it('counts and lists the unread', async () => {
    const [first, second] = await put(me, me, other);
    expect(await inbox.countUnread(me)).toBe(2);
    expect(await inbox.read(me, first!)).toMatchObject({ id: first, readAt: clock.now().toISOString() });
    expect(await inbox.countUnread(me)).toBe(1);
    expect(await idsOf(me, { unread: true })).toEqual([second]);
    expect(await idsOf(me, { unread: false })).toEqual([first]);
  });

  it('keeps the instant of the first reading', async () => {
    const [id] = await put(me);
    const { readAt } = await inbox.read(me, id!);
    clock.advance(60_000);
    expect((await inbox.read(me, id!)).readAt).toBe(readAt);
  });

  it('lets nobody read, mark or clear what is not theirs', async () => {
    const [mine] = await put(me);
    await expect(inbox.read(other, mine!)).rejects.toMatchObject({ code: 'notification_unknown', kind: 'not_found' });
    expect(await inbox.markAllRead(other)).toBe(0);
    expect(await inbox.clear(other)).toBe(0);
    expect(await inbox.countUnread(me)).toBe(1);
  });

  it('marks all read, once', async () => {
    await put(me, me, other);
    expect(await inbox.markAllRead(me)).toBe(2);
    expect(await inbox.markAllRead(me)).toBe(0);
    expect(await inbox.countUnread(other)).toBe(1);
  });

  it('is empty once it is cleared', async () => {
    await put(me, me);
    expect(await inbox.clear(me)).toBe(2);
    expect(await idsOf(me)).toEqual([]);
  });

  it('lets go of what is older than 30 days, unread or not', async () => {
    const [old] = await put(me);
    clock.advance(ARCHIVE_AFTER_MS);
    const [young] = await put(me);
    expect(await inbox.archiveOld()).toBe(0);
    clock.advance(1);
    expect(await inbox.archiveOld()).toBe(1);
    expect(await idsOf(me)).toEqual([young]);
    expect(await inbox.countUnread(me)).toBe(1);
    await expect(inbox.read(me, old!)).rejects.toMatchObject({ code: 'notification_unknown' });
    expect(await inbox.clear(me)).toBe(1);
    expect(await database.notification.count({ where: { recipientId: me } })).toBe(1);
  });
});
