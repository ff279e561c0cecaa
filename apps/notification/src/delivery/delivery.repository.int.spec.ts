import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { WordedNotice } from '../notice/notice.js';
import { DestinationRepository } from '../routing/destination.repository.js';
import { aNotice, minute, startLedger, type LedgerUnderTest } from '../ledger/ledger.fixture.js';
import { DeliveryRepository, type Claim } from './delivery.repository.js';
import { hook } from './strict-hook.fixture.js';

const LEASE_MS = 60_000;
const AGAIN = { kind: 'again', afterMs: 60_000, failure: 'It failed.', isPause: false } as const;

describe('deliveries on PostgreSQL', () => {
  let under: LedgerUnderTest;
  let deliveries: DeliveryRepository;

  const claim = () => deliveries.claim(['hook'], LEASE_MS);
  const tell = async (): Promise<WordedNotice> => {
    const told = aNotice(minute(10));
    await under.tell(told);
    return told;
  };
  const addDestination = (id: string) =>
    under.inUnit(async ({ tx }) => {
      const added = { id, channel: 'hook', name: id, kinds: [], settings: { room: id }, since: minute(0) };
      await new DestinationRepository().add(tx, added, null);
    });
  /** As if the time until its next attempt, or until its lease runs out, had passed. */
  const pass = () =>
    under.admin.query('update notification.deliveries set next_attempt_at = now() where outcome is null');

  beforeAll(async () => {
    under = await startLedger(hook);
    deliveries = new DeliveryRepository(under.database);
  });
  beforeEach(async () => {
    await under.empty();
    await addDestination('ops');
  });
  afterAll(() => under.close());

  it('are claimed with what they are about, and with what their destination needs', async () => {
    const told = await tell();
    expect(await claim()).toEqual({
      eventId: told.notice.eventId,
      told,
      destinationId: 'ops',
      channel: 'hook',
      settings: { room: 'ops' },
      attempts: 1,
      fence: 1n,
      lastFailure: null,
      hasDestinationEnded: false,
      traceparent: null,
      waitingSince: expect.any(Date),
      claimedAt: expect.any(Date),
    });
    expect(await claim()).toBeNull();
  });

  it('are claimed by one worker each, whoever comes at the same time', async () => {
    for (let nth = 0; nth < 10; nth += 1) await addDestination(`ops-${nth}`);
    await tell();
    const claims: Claim[] = [];
    const work = async () => {
      for (let idle = 0; idle < 20; idle += 1) {
        const found = await claim();
        if (found !== null) claims.push(found);
      }
    };
    await Promise.all(Array.from({ length: 6 }, work));
    expect(new Set(claims.map(({ destinationId }) => destinationId)).size).toBe(11);
    expect(claims).toHaveLength(11);
  });

  it('come to a destination in order: the second only when the first has ended', async () => {
    const [first, second] = [await tell(), await tell()];
    const claimed = (await claim())!;
    expect(claimed.eventId).toBe(first.notice.eventId);
    expect(await claim()).toBeNull();
    await deliveries.putBack(claimed, AGAIN, 0);
    expect(await claim()).toBeNull();
    await pass();
    expect(await deliveries.end((await claim())!, { kind: 'delivered' }, 0)).toBe(true);
    expect((await claim())?.eventId).toBe(second.notice.eventId);
  });

  it('are claimed again when a lease ran out, and who had it before writes nothing', async () => {
    await tell();
    const dead = (await claim())!;
    await pass();
    const living = (await claim())!;
    expect(living).toMatchObject({ attempts: 2, fence: 2n });
    expect(await deliveries.end(dead, { kind: 'dead_lettered', reason: 'Too late.' }, 60_000)).toBe(false);
    expect(await deliveries.putBack(dead, AGAIN, 60_000)).toBe(false);
    expect(await deliveries.end(living, { kind: 'delivered' }, 0)).toBe(true);
    expect(await deliveries.end(living, { kind: 'delivered' }, 0)).toBe(false);
    const [row] = await under.database.delivery.findMany();
    expect(row).toMatchObject({ outcome: 'delivered', reason: null, nextAttemptAt: null, attempts: 2 });
    expect(await under.database.destination.findMany({ where: { notBefore: { not: null } } })).toEqual([]);
  });

  it('rest with their destination when its medium wants a pause, which is no attempt', async () => {
    await addDestination('other');
    await tell();
    await tell();
    const paused = (await claim())!;
    await deliveries.putBack(paused, { ...AGAIN, isPause: true }, 0);
    await pass();
    const other = (await claim())!;
    expect(other.destinationId).not.toBe(paused.destinationId);
    expect(await claim()).toBeNull();
    await under.admin.query('update notification.destinations set not_before = now()');
    expect(await claim()).toMatchObject({
      destinationId: paused.destinationId,
      attempts: 1,
      lastFailure: 'It failed.',
    });
  });

  it('keep the shortest time between two messages of their channel', async () => {
    await tell();
    await tell();
    await deliveries.end((await claim())!, { kind: 'delivered' }, 60_000);
    expect(await claim()).toBeNull();
    await under.admin.query('update notification.destinations set not_before = now()');
    expect(await claim()).not.toBeNull();
  });

  it('of a channel that this release does not know wait for one that does', async () => {
    await tell();
    expect(await deliveries.claim(['another'], LEASE_MS)).toBeNull();
    expect(await under.ledger.balance()).toMatchObject({ due: 1, waiting: 1, missing: [] });
    expect(await claim()).not.toBeNull();
  });
});
