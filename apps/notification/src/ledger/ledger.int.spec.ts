import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { principalCreated } from '@dsops/contracts/gateway/events';
import type { Actor } from '@dsops/contracts/principal';
import { rotationCompleted, rotationFailed } from '@dsops/contracts/rotation/events';
import { newId } from '@dsops/kernel';
import { InboxRepository } from '../channels/inbox/inbox.repository.js';
import type { WordedNotice } from '../notice/notice.js';
import { aNotice, minute, startLedger, type LedgerUnderTest } from './ledger.fixture.js';

const ada: Actor = { kind: 'user', id: 'ada', name: 'Ada' };
const bo: Actor = { kind: 'api_key', id: 'bo', name: 'Bo' };
const TITLE = 'Rotation of payments-db in production completed';

describe('the ledger on PostgreSQL', () => {
  let under: LedgerUnderTest;
  const tell = (told: WordedNotice) => under.tell(told);
  const welcome = (principal: Actor, since: Date) => under.welcome(principal, since);
  const balance = () => under.ledger.balance();
  const titlesOf = async ({ id }: Actor) =>
    (await new InboxRepository(under.database).list(id, { limit: 50 })).map(({ title }) => title);
  const rows = () =>
    under.database.delivery
      .findMany({ orderBy: [{ eventId: 'asc' }, { recipientId: 'asc' }] })
      .then((found) =>
        found.map(({ eventId, recipientId, outcome, reason }) => ({ eventId, recipientId, outcome, reason })),
      );

  beforeAll(async () => void (under = await startLedger()));
  beforeEach(() => under.empty());
  afterAll(() => under.close());

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
    expect(await balance()).toEqual({
      events: 1,
      due: 2,
      delivered: 2,
      suppressed: 0,
      deadLettered: 0,
      waiting: 0,
      missing: [],
    });
  });

  it('is not for who came later, nor for who was gone', async () => {
    await welcome(bo, minute(0));
    await under.dismiss(bo, minute(10));
    await tell(aNotice(minute(10)));
    await welcome(ada, minute(11));
    expect(await rows()).toEqual([]);
    expect(await balance()).toMatchObject({ events: 1, due: 0, missing: [] });
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
    await under.dismiss(ada, minute(11));
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
    expect(await balance()).toEqual({
      events: 15,
      due: 225,
      delivered: 225,
      suppressed: 0,
      deadLettered: 0,
      waiting: 0,
      missing: [],
    });
  });

  it('shows what is missing', async () => {
    await welcome(ada, minute(0));
    const told = aNotice();
    await tell(told);
    await under.admin.query('delete from notification.deliveries');
    expect(await balance()).toMatchObject({
      due: 1,
      delivered: 0,
      missing: [{ eventId: told.notice.eventId, destinationId: 'ada' }],
    });
  });

  it('lets only a dead letter give way, to what became of it', async () => {
    await welcome(ada, minute(0));
    const told = aNotice();
    const decide = (outcome: 'dead_lettered' | 'delivered', reason: string | null) =>
      under.database.$transaction((tx) =>
        under.repository.decide(
          tx,
          [
            {
              eventId: told.notice.eventId,
              destinationId: 'ada',
              recipientId: 'ada',
              channel: 'inbox',
              outcome,
              reason,
            },
          ],
          minute(20),
        ),
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
      under.admin.query(
        `insert into notification.dead_letters
           (id, consumer, kind, status, blocks_key, reason, attempts, type, topic, key, epoch, sequence, event_id, body)
         values ($1, 'notification', 'failed', $2, false, 'No words.', 5, $3, 't', $1, 1, 1, $4, $5)`,
        [newId(), status, type, told.notice.eventId, JSON.stringify(body)],
      );
    await letter('open', rotationCompleted.type, { time: told.notice.happenedAt.toISOString(), note: 'zero \u0000' });
    await letter('replayed', rotationFailed.type, { time: minute(20).toISOString() });
    await letter('open', principalCreated.type, { time: minute(20).toISOString() });
    expect(await under.ledger.settleDeadLetters()).toBe(1);
    expect(await under.ledger.settleDeadLetters()).toBe(0);
    expect(await rows()).toEqual([
      { eventId: told.notice.eventId, recipientId: 'ada', outcome: 'dead_lettered', reason: 'No words.' },
    ]);
    expect(await balance()).toMatchObject({ events: 0, due: 1, deadLettered: 1, missing: [] });
    expect(await tell(told)).toHaveLength(1);
    expect(await balance()).toMatchObject({ due: 1, delivered: 1, deadLettered: 0, missing: [] });
    expect(await titlesOf(ada)).toEqual([TITLE]);
  });

  it('refuses that the service deletes from the ledger or rewords a notice', async () => {
    await expect(under.database.delivery.deleteMany()).rejects.toThrow('denied');
    await expect(under.database.notice.updateMany({ data: { title: 'other' } })).rejects.toThrow('denied');
  });
});
