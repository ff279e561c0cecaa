import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rotationCompleted } from '@dsops/contracts/rotation/events';
import { newId } from '@dsops/kernel';
import { DeliveryRepository } from '../delivery/delivery.repository.js';
import { hook } from '../delivery/strict-hook.fixture.js';
import type { WordedNotice } from '../notice/notice.js';
import { DestinationRepository } from '../routing/destination.repository.js';
import { aNotice, minute, startLedger, type LedgerUnderTest } from './ledger.fixture.js';

/** `untold` is the dead letter of an event, `givenUp` that of a delivery. */
type State = 'delivered' | 'suppressed' | 'untold' | 'givenUp' | 'waiting';

/** What the ledger has to say, kept a second time in the plainest way: a row for each event and place. */
class Model {
  readonly events = new Map<string, { told: WordedNotice; at: number; isLetter: boolean }>();
  readonly places = new Map<string, { reach: 'inside' | 'outside'; since: number; endedAt: number | null }>();
  readonly rows = new Map<string, State>();

  decide(eventId: string, onlyAt?: string): void {
    const { at, isLetter } = this.events.get(eventId)!;
    for (const [id, { reach, since, endedAt }] of this.places) {
      const row = this.rows.get(`${eventId} ${id}`);
      const isThere = since <= at && (endedAt === null || endedAt > at);
      if (!isThere || (onlyAt ?? id) !== id || (row !== undefined && (row !== 'untold' || isLetter))) continue;
      const told = endedAt !== null ? 'suppressed' : reach === 'inside' ? 'delivered' : 'waiting';
      this.rows.set(`${eventId} ${id}`, isLetter ? 'untold' : told);
    }
  }

  /** As the consumer's dead letters are settled. */
  settle(): void {
    for (const [eventId, { isLetter }] of this.events) if (isLetter) this.decide(eventId);
  }

  get sums() {
    const count = (...states: State[]) => [...this.rows.values()].filter((state) => states.includes(state)).length;
    return {
      events: [...this.events.values()].filter(({ isLetter }) => !isLetter).length,
      due: this.rows.size,
      delivered: count('delivered'),
      suppressed: count('suppressed'),
      deadLettered: count('untold', 'givenUp'),
      waiting: count('waiting'),
      missing: [],
    };
  }
}

/** One thing that happens; `which` chooses among what there is. */
interface Step {
  readonly does: 'tell' | 'tellAgain' | 'fail' | 'replay' | 'welcome' | 'dismiss' | 'add' | 'remove' | 'attempt';
  readonly at: number;
  readonly which: number;
}

let under: LedgerUnderTest;
let deliveries: DeliveryRepository;
const destinations = new DestinationRepository();

beforeAll(async () => {
  under = await startLedger(hook);
  deliveries = new DeliveryRepository(under.database);
});
afterAll(() => under.close());

const pick = <T>(from: readonly T[], which: number): T | undefined => from[which % Math.max(from.length, 1)];

async function take({ does, at, which }: Step, model: Model): Promise<void> {
  const eventOf = (isLetter: boolean) =>
    pick(
      [...model.events].filter(([, event]) => event.isLetter === isLetter),
      which,
    )?.[0];
  const placeOf = (reach: string) =>
    pick(
      [...model.places].filter(([, place]) => place.reach === reach && place.endedAt === null),
      which,
    )?.[0];
  switch (does) {
    case 'tell':
    case 'fail': {
      const told = aNotice(minute(at));
      const { eventId } = told.notice;
      model.events.set(eventId, { told, at, isLetter: does === 'fail' });
      if (does === 'tell') {
        await under.tell(told);
        return model.decide(eventId);
      }
      await under.admin.query(
        `insert into notification.dead_letters
           (id, consumer, kind, status, blocks_key, reason, attempts, type, topic, key, epoch, sequence, event_id, body)
         values ($1, 'notification', 'failed', 'open', false, 'It broke.', 5, $2, 't', $1, 1, 1, $1, $3)`,
        [eventId, rotationCompleted.type, JSON.stringify({ time: minute(at).toISOString() })],
      );
      return;
    }
    case 'tellAgain':
    case 'replay': {
      const eventId = eventOf(does === 'replay');
      if (eventId === undefined) return;
      const event = model.events.get(eventId)!;
      event.isLetter = false;
      await under.admin.query(`update notification.dead_letters set status = 'replayed' where event_id = $1`, [
        eventId,
      ]);
      await under.tell(event.told);
      return model.decide(eventId);
    }
    case 'welcome':
    case 'add': {
      const id = newId();
      const reach = does === 'add' ? 'outside' : 'inside';
      model.places.set(id, { reach, since: at, endedAt: null });
      if (reach === 'inside') await under.welcome({ kind: 'user', id, name: id }, minute(at));
      else
        await under.inUnit(async (unit) => {
          const added = { id, channel: 'hook', name: id, kinds: [], settings: {}, since: minute(at) };
          await under.repository.lock(unit.tx);
          await destinations.add(unit.tx, added, null);
          await under.ledger.catchUp({ ...added, recipientId: null, hasEnded: false }, unit);
        });
      for (const [eventId, { isLetter }] of model.events) if (!isLetter) model.decide(eventId, id);
      return;
    }
    case 'dismiss':
    case 'remove': {
      const id = placeOf(does === 'dismiss' ? 'inside' : 'outside');
      if (id === undefined) return;
      model.places.get(id)!.endedAt = at;
      if (does === 'dismiss') await under.dismiss({ kind: 'user', id, name: id }, minute(at));
      else await under.inUnit(async ({ tx }) => void (await destinations.end(tx, id, minute(at))));
      return;
    }
    case 'attempt': {
      const claim = await deliveries.claim(['hook'], 0);
      if (claim === null) return;
      const row = `${claim.eventId} ${claim.destinationId}`;
      expect(model.rows.get(row)).toBe('waiting');
      if (which % 3 === 0)
        await deliveries.putBack(claim, { kind: 'again', afterMs: 0, failure: 'No.', isPause: false }, 0);
      else if (which % 3 === 1) {
        await deliveries.end(claim, { kind: 'dead_lettered', reason: 'No.' }, 0);
        model.rows.set(row, 'givenUp');
      } else {
        await deliveries.end(claim, { kind: 'delivered' }, 0);
        model.rows.set(row, 'delivered');
      }
    }
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom(
    ...(['tell', 'tell', 'tellAgain', 'fail', 'replay', 'welcome', 'add', 'dismiss', 'remove', 'attempt'] as const),
  ),
  at: fc.nat(30),
  which: fc.nat(1_000),
});

it('the sums of the ledger add up, whatever happened in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      await under.empty();
      const model = new Model();
      for (const one of steps) {
        await take(one, model);
        model.settle();
        const { missing, due, ...sums } = await under.ledger.balance();
        expect({ ...sums, due, missing }).toEqual(model.sums);
        expect(sums.delivered + sums.suppressed + sums.deadLettered + sums.waiting).toBe(due);
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);
