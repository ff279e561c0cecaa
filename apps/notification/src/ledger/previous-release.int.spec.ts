import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Actor } from '@dsops/contracts/principal';
import { newId, unwrapSecret } from '@dsops/kernel';
import { InboxRepository } from '../channels/inbox/inbox.repository.js';
import { aNotice, minute, startLedger, type LedgerUnderTest } from './ledger.fixture.js';

const ada: Actor = { kind: 'user', id: 'ada', name: 'Ada' };

/**
 * What the previous release (20261121000200) says to the database, word for word: it knows no destinations, keeps words
 * and no facts, and must be able to run on this schema, before, after and beside this release.
 */
const PREVIOUS = {
  addRecipient: `insert into notification.recipients (id, kind, name, role, since) values ($1, $2, $3, $4, $5)
    on conflict (id) do update set name = excluded.name, role = excluded.role, since = excluded.since, revoked_at = null`,
  revokeRecipient: 'update notification.recipients set revoked_at = $2 where id = $1',
  addNotice: `insert into notification.notices
    (event_id, kind, title, body, priority, entity_kind, entity_id, happened_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (event_id) do nothing`,
  decide: `insert into notification.deliveries (event_id, recipient_id, channel, outcome, reason, decided_at)
    select d.event_id, d.recipient_id, 'inbox', d.outcome, d.reason, $5::timestamptz
      from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as d (event_id, recipient_id, outcome, reason)
    on conflict (event_id, recipient_id, channel) do update
      set outcome = excluded.outcome, reason = excluded.reason, decided_at = excluded.decided_at
      where deliveries.outcome = 'dead_lettered' and excluded.outcome <> 'dead_lettered'
    returning event_id as "eventId", recipient_id as "recipientId", outcome, reason`,
  addNotification: `insert into notification.notifications (id, event_id, recipient_id, created_at)
    values ($1, $2, $3, $4)`,
  readInbox: `select n.title, n.body from notification.notifications e join notification.notices n using (event_id)
    where e.recipient_id = $1 order by e.id desc`,
  missing: `select n.event_id as "eventId", r.id as "recipientId"
    from notification.notices n join notification.recipients r
      on r.since <= n.happened_at and (r.revoked_at is null or r.revoked_at > n.happened_at)
    left join notification.deliveries d
      on d.event_id = n.event_id and d.recipient_id = r.id and d.channel = 'inbox'
    where d.event_id is null`,
};

describe('the previous release on this schema', () => {
  let under: LedgerUnderTest;
  let previous: pg.Client;

  const say = async (statement: keyof typeof PREVIOUS, ...values: unknown[]) =>
    (await previous.query<Record<string, unknown>>(PREVIOUS[statement], values)).rows;
  const welcome = () => say('addRecipient', ada.id, ada.kind, ada.name, 'viewer', minute(0));
  /** It tells, as it does: notice, decision, notification. */
  async function tell(eventId: string): Promise<number> {
    await say(
      'addNotice',
      eventId,
      'failed',
      'It failed',
      'A sentence.\nTry: dsops …',
      'normal',
      'rotation',
      'R',
      minute(5),
    );
    const decided = await say('decide', [eventId], [ada.id], ['delivered'], [null], minute(6));
    for (const _ of decided) await say('addNotification', newId(), eventId, ada.id, minute(6));
    return decided.length;
  }
  const inbox = () => new InboxRepository(under.database).list(ada.id, { limit: 10 });

  beforeAll(async () => {
    under = await startLedger();
    const { host, port, database, password } = under.home.options;
    previous = new pg.Client({ host, port, database, user: 'dsops_notification', password: unwrapSecret(password) });
    await previous.connect();
  });
  beforeEach(() => under.empty());
  afterAll(async () => {
    await previous.end();
    await under.close();
  });

  it('takes in recipients that this release tells, and revokes them', async () => {
    await welcome();
    await under.tell(aNotice());
    expect(await under.ledger.balance()).toMatchObject({ due: 1, delivered: 1, missing: [] });
    await say('revokeRecipient', ada.id, minute(30));
    await under.tell(aNotice(minute(20)));
    await under.tell(aNotice(minute(40)));
    expect(await under.ledger.balance()).toMatchObject({ due: 2, delivered: 1, suppressed: 1, missing: [] });
  });

  it('tells what this release shows, counts, and tells nobody again', async () => {
    await welcome();
    const eventId = newId();
    expect(await tell(eventId)).toBe(1);
    expect(await inbox()).toMatchObject([
      { title: 'It failed', body: 'A sentence.\nTry: dsops …', nextSteps: [], place: null },
    ]);
    expect(await under.welcome(ada, minute(0))).toEqual([]);
    expect(await under.ledger.balance()).toMatchObject({ events: 1, due: 1, delivered: 1, missing: [] });
  });

  it('has its notices told by this release to whoever was not known yet', async () => {
    const eventId = newId();
    await say('addNotice', eventId, 'failed', 'It failed', 'A sentence.', 'normal', 'rotation', 'R', minute(5));
    expect(await under.welcome(ada, minute(0))).toMatchObject([{ data: { eventId, title: 'It failed' } }]);
    expect(await inbox()).toMatchObject([{ title: 'It failed', body: 'A sentence.' }]);
  });

  it('reads what this release has told, misses nothing and tells nothing twice', async () => {
    await welcome();
    const told = aNotice();
    await under.tell(told);
    expect(await say('readInbox', ada.id)).toEqual([
      { title: told.words.title, body: told.words.sentences.join('\n') },
    ]);
    expect(await say('missing')).toEqual([]);
    expect(await tell(told.notice.eventId)).toBe(0);
  });
});
