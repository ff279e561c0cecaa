import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { principalCreated } from '@dsops/contracts/gateway/events';
import type { Actor } from '@dsops/contracts/principal';
import { rotationCompleted, rotationFailed } from '@dsops/contracts/rotation/events';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/notification';
import { newId } from '@dsops/kernel';
import { PrismaUnitOfWork, type EventToEmit, type Unit } from '@dsops/messaging';
import { createTestDatabase, FakeClock, type TestDatabase } from '@dsops/testing';
import { InboxRepository } from '../channels/inbox/inbox.repository.js';
import { noticeOf, type WordedNotice } from '../notice/notice.js';
import { aRotationEvent } from '../notice/notice.fixture.js';
import { LedgerRepository } from './ledger.repository.js';
import { LedgerService } from './ledger.service.js';

const ada: Actor = { kind: 'user', id: 'ada', name: 'Ada' };
const bo: Actor = { kind: 'api_key', id: 'bo', name: 'Bo' };
const minute = (n: number) => new Date(Date.UTC(2026, 10, 21, 12, n));

const TITLE = 'Rotation of payments-db in production completed';
const aNotice = (happenedAt = minute(10)): WordedNotice => noticeOf(aRotationEvent(rotationCompleted, { happenedAt }));

describe('the ledger on PostgreSQL', () => {
  let home: TestDatabase;
  let database: PrismaClient;
  let repository: LedgerRepository;
  let ledger: LedgerService;
  let inbox: InboxRepository;
  let admin: pg.Client;

  /** Works in one transaction and answers what was said in it. */
  async function inUnit(work: (unit: Unit) => Promise<void>): Promise<EventToEmit[]> {
    const said: EventToEmit[] = [];
    await database.$transaction((tx) =>
      work({ tx, emit: (event) => void said.push(event), afterCommit: () => undefined }),
    );
    return said;
  }
  const tell = (told: WordedNotice) => inUnit((unit) => ledger.tell(told, unit));
  const welcome = (principal: Actor, since: Date) => inUnit((unit) => ledger.welcome(principal, 'viewer', since, unit));
  const dismiss = (principal: Actor, at: Date) => inUnit((unit) => ledger.dismiss(principal, at, unit));
  const titlesOf = async ({ id }: Actor) => (await inbox.list(id, { limit: 50 })).map(({ title }) => title);
  const rows = () =>
    database.delivery
      .findMany({ orderBy: [{ eventId: 'asc' }, { recipientId: 'asc' }] })
      .then((found) =>
        found.map(({ eventId, recipientId, outcome, reason }) => ({ eventId, recipientId, outcome, reason })),
      );

  beforeAll(async () => {
    home = await createTestDatabase();
    database = connect(PrismaClient, 'notification', home.options);
    repository = new LedgerRepository(database);
    inbox = new InboxRepository(database);
    ledger = new LedgerService(repository, inbox, new PrismaUnitOfWork(database, 'notification'), new FakeClock());
    admin = new pg.Client({ connectionString: home.adminUrl });
    await admin.connect();
  });

  beforeEach(async () => {
    await admin.query('truncate notification.recipients, notification.notices, notification.dead_letters cascade');
  });

  afterAll(async () => {
    await Promise.all([admin.end(), database.$disconnect()]);
    await home.drop();
  });

  it('delivers a notice once to every recipient, and says so', async () => {
    await welcome(ada, minute(0));
    await welcome(bo, minute(0));
    const told = aNotice();
    const said = await tell(told);
    expect(said.map(({ key, data }) => [key, data])).toEqual(
      ['ada', 'bo'].map((id) => [
        id,
        {
          notificationId: expect.any(String),
          recipientId: id,
          kind: 'completed',
          title: TITLE,
          priority: 'normal',
          eventId: told.notice.eventId,
          actor: { kind: 'system', id: 'dsops', name: 'dsops' },
        },
      ]),
    );
    expect(await tell(told)).toEqual([]);
    expect(await titlesOf(ada)).toEqual([TITLE]);
    expect(await ledger.balance()).toEqual({
      events: 1,
      due: 2,
      delivered: 2,
      suppressed: 0,
      deadLettered: 0,
      missing: [],
    });
  });

  it('is not for who came later, nor for who was gone', async () => {
    await welcome(bo, minute(0));
    await dismiss(bo, minute(10));
    await tell(aNotice(minute(10)));
    await welcome(ada, minute(11));
    expect(await rows()).toEqual([]);
    expect(await ledger.balance()).toMatchObject({ events: 1, due: 0, missing: [] });
  });

  it('reaches a recipient whose creation was heard of after the notice, though it came first', async () => {
    const told = aNotice(minute(10));
    await tell(told);
    expect(await titlesOf(ada)).toEqual([]);
    const said = await welcome(ada, minute(9));
    expect(said).toHaveLength(1);
    expect(await titlesOf(ada)).toEqual([TITLE]);
  });

  it('suppresses, with the reason, what was for somebody who has been revoked since', async () => {
    await welcome(ada, minute(0));
    await dismiss(ada, minute(11));
    const told = aNotice(minute(10));
    expect(await tell(told)).toEqual([]);
    expect(await rows()).toEqual([
      {
        eventId: told.notice.eventId,
        recipientId: 'ada',
        outcome: 'suppressed',
        reason: 'The recipient was revoked before it could be delivered.',
      },
    ]);
    expect(await titlesOf(ada)).toEqual([]);
  });

  it('misses nobody when notices and recipients arrive at the same instant', async () => {
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        index % 2 === 0 ? tell(aNotice()) : welcome({ ...ada, id: `user-${index}` }, minute(index % 10)),
      ),
    );
    expect(await ledger.balance()).toEqual({
      events: 15,
      due: 225,
      delivered: 225,
      suppressed: 0,
      deadLettered: 0,
      missing: [],
    });
  });

  it('shows what is missing', async () => {
    await welcome(ada, minute(0));
    const told = aNotice();
    await tell(told);
    await admin.query('delete from notification.deliveries');
    expect(await ledger.balance()).toMatchObject({
      due: 1,
      delivered: 0,
      missing: [{ eventId: told.notice.eventId, recipientId: 'ada' }],
    });
  });

  it('lets only a dead letter give way, to what became of it', async () => {
    await welcome(ada, minute(0));
    const told = aNotice();
    const decide = (outcome: 'dead_lettered' | 'delivered', reason: string | null) =>
      database.$transaction((tx) =>
        repository.decide(tx, [{ eventId: told.notice.eventId, recipientId: 'ada', outcome, reason }], minute(20)),
      );
    expect(await decide('dead_lettered', 'It failed.')).toHaveLength(1);
    expect(await tell(told)).toHaveLength(1);
    expect(await decide('dead_lettered', 'It failed again.')).toEqual([]);
    expect(await rows()).toEqual([
      { eventId: told.notice.eventId, recipientId: 'ada', outcome: 'delivered', reason: null },
    ]);
  });

  it('gives a dead letter its row for every recipient, with the reason, and the replay its delivery', async () => {
    await welcome(ada, minute(0));
    await welcome(bo, minute(15));
    const told = aNotice(minute(10));
    const letter = (status: string, type: string, body: object) =>
      admin.query(
        `insert into notification.dead_letters
           (id, consumer, kind, status, blocks_key, reason, attempts, type, topic, key, epoch, sequence, event_id, body)
         values ($1, 'notification', 'failed', $2, false, 'No words.', 5, $3, 't', $1, 1, 1, $4, $5)`,
        [newId(), status, type, told.notice.eventId, JSON.stringify(body)],
      );
    await letter('open', rotationCompleted.type, { time: told.notice.happenedAt.toISOString(), note: 'zero \u0000' });
    await letter('replayed', rotationFailed.type, { time: minute(20).toISOString() });
    await letter('open', principalCreated.type, { time: minute(20).toISOString() });
    expect(await ledger.settleDeadLetters()).toBe(1);
    expect(await ledger.settleDeadLetters()).toBe(0);
    expect(await rows()).toEqual([
      { eventId: told.notice.eventId, recipientId: 'ada', outcome: 'dead_lettered', reason: 'No words.' },
    ]);
    expect(await ledger.balance()).toMatchObject({ deadLettered: 1, missing: [] });
    expect(await tell(told)).toHaveLength(1);
    expect(await ledger.balance()).toMatchObject({ due: 1, delivered: 1, deadLettered: 0, missing: [] });
    expect(await titlesOf(ada)).toEqual([TITLE]);
  });

  it('refuses that the service deletes from the ledger or rewords a notice', async () => {
    await expect(database.delivery.deleteMany()).rejects.toThrow('denied');
    await expect(database.notice.updateMany({ data: { title: 'other' } })).rejects.toThrow('denied');
  });
});
