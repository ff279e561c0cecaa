import type { Metrics } from '@dsops/platform';
import type { MessagingFigures } from './figures.repository.js';
import type { Consumer } from './inbox/consumer.service.js';

/** The series of one service's messaging: what waits, what was given up, and what its consumers have done. */
export function registerMessagingMetrics(
  metrics: Metrics,
  readFigures: () => Promise<MessagingFigures>,
  consumers: () => readonly Consumer[],
): void {
  const figures = shared(readFigures);
  const one = (name: string, help: string, pick: (figures: MessagingFigures) => number) =>
    metrics.gauge(name, help, [], async () => [{ labels: {}, value: pick(await figures()) }]);
  const byConsumer = (
    name: string,
    help: string,
    pick: (figures: MessagingFigures) => Readonly<Record<string, number>>,
  ) =>
    metrics.gauge(name, help, ['consumer'], async () =>
      Object.entries(pick(await figures())).map(([consumer, value]) => ({ labels: { consumer }, value })),
    );
  one('dsops_outbox_unsent', 'Events that are not published yet', ({ unsent }) => unsent);
  one(
    'dsops_outbox_oldest_unsent_seconds',
    'Age of the oldest of them',
    ({ oldestUnsentSeconds }) => oldestUnsentSeconds,
  );
  one('dsops_outbox_refused_keys', 'Keys whose next event the transport refuses', ({ refusedKeys }) => refusedKeys);
  byConsumer('dsops_events_parked', 'Events that wait for their turn or their next attempt', ({ parked }) => parked);
  byConsumer(
    'dsops_dead_letters_open',
    'Events that were given up and not settled',
    ({ openDeadLetters }) => openDeadLetters,
  );
  byConsumer('dsops_event_alarms_open', 'Losses, conflicts and the like', ({ openAlarms }) => openAlarms);
  for (const [name, count, help] of CONSUMED)
    metrics.kept(name, help, ['consumer'], async () =>
      consumers().map((consumer) => ({ labels: { consumer: consumer.name }, value: consumer.counts[count] })),
    );
}

const CONSUMED = [
  ['dsops_events_applied_total', 'applied', 'Events whose effect this process has committed'],
  ['dsops_events_duplicate_total', 'duplicates', 'Deliveries of events that were settled already'],
] as const;

/** The series of one scrape share one reading. */
function shared<R>(read: () => Promise<R>): () => Promise<R> {
  let reading: Promise<R> | undefined;
  return () => {
    reading ??= read().finally(() => (reading = undefined));
    return reading;
  };
}
