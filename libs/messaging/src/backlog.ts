import { consumers } from '@dsops/contracts/consumers';
import type { ServiceName } from '@dsops/contracts/service-names';
import { query, sql, type SqlExecutor } from '@dsops/database';
import { Trouble, type Dependency } from '@dsops/platform';
import type { Transport, Waiting } from './transport.js';

/** What has waited for so long does not merely wait its turn. */
const STUCK_AFTER_S = 60;

/** What waits in one place: `where` is a consumer, or empty for the outbox. */
interface Backlog extends Waiting {
  readonly what: 'unsent' | 'parked' | 'letters' | 'alarms' | 'deliveries';
}

/**
 * What a service has to say or to hear and does not get done: a backlog that a person must see to, because it does not
 * go away by itself. The service goes on meanwhile.
 */
export function backlogDependency(parts: {
  readonly service: ServiceName;
  readonly database: SqlExecutor;
  readonly transport: Transport;
}): Dependency {
  const own = new Set(
    Object.values(consumers)
      .filter(({ service }) => service === parts.service)
      .map(({ name }) => name as string),
  );
  return {
    name: 'events',
    async check() {
      const waiting = (await parts.transport.backlog?.()) ?? [];
      const deliveries = waiting
        .filter(({ consumer }) => own.has(consumer))
        .map((one) => ({ what: 'deliveries' as const, ...one }));
      return judgeBacklog([...(await readBacklog(parts.database)), ...deliveries]);
    },
  };
}

/** The worst first: what holds others up, what needs a person, what is late. */
export function judgeBacklog(backlogs: readonly Backlog[]): Trouble | null {
  const stuck = (what: Backlog['what']) =>
    backlogs.find((one) => one.what === what && one.amount > 0 && one.oldestS >= STUCK_AFTER_S);
  const parked = stuck('parked');
  if (parked !== undefined)
    return new Trouble(
      'events_parked',
      `${parked.amount} events wait at the consumer ${parked.consumer} and cannot be applied, the oldest for ${minutes(parked)}.`,
      'See what holds them up: dsops deadletters list. The log of the service says why.',
    );
  const letters = backlogs.find(({ what, amount }) => what === 'letters' && amount > 0);
  if (letters !== undefined)
    return new Trouble(
      'dead_letters_open',
      `${letters.amount} events were given up by the consumer ${letters.consumer}.`,
      'Replay or drop them: dsops deadletters list',
    );
  const alarms = backlogs.find(({ what, amount }) => what === 'alarms' && amount > 0);
  if (alarms !== undefined)
    return new Trouble(
      'event_alarms',
      `The consumer ${alarms.consumer} misses events, or has others than were said (${alarms.amount} open).`,
      'See the table event_alarms of the service, and docs/events.md.',
    );
  const behind = stuck('deliveries');
  if (behind !== undefined)
    return new Trouble(
      'consumer_behind',
      `The consumer ${behind.consumer} is behind: ${behind.amount} events wait for it, the oldest for ${minutes(behind)}.`,
      'Its service is down, or its database refuses it: the log of the service says why.',
    );
  const unsent = stuck('unsent');
  if (unsent !== undefined)
    return new Trouble(
      'events_unsent',
      `${unsent.amount} events wait to be published, the oldest for ${minutes(unsent)}.`,
      'The broker or the sidecar is away: the log of the service says why. Nothing is lost.',
    );
  return null;
}

const minutes = ({ oldestS }: Waiting): string => `${Math.max(1, Math.round(oldestS / 60))} min`;

const readBacklog = (database: SqlExecutor): Promise<Backlog[]> =>
  query<Backlog>(
    database,
    sql`select 'unsent' as what, '' as consumer, count(*)::double precision as amount,
               coalesce(extract(epoch from now() - min(said_at)), 0)::double precision as "oldestS"
          from outbox where sent_at is null
        union all
        select 'parked', consumer, count(*), coalesce(extract(epoch from now() - min(parked_at)), 0)
          from parked group by consumer
        union all
        select 'letters', consumer, count(*), 0 from dead_letters where status = 'open' group by consumer
        union all
        select 'alarms', consumer, count(*), 0 from event_alarms where resolved_at is null group by consumer`,
  );
