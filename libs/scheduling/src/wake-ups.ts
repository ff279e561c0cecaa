import type { SpanToMake } from '@dsops/platform';

/** One appointment: at this instant, tell whoever handles `task` about `key`. */
export interface Appointment {
  /** Who is woken, such as `rotation`. */
  readonly task: string;
  /** What it is about, such as a rotation's id. One appointment per task and key: a later one moves it. */
  readonly key: string;
  readonly at: Date;
}

/**
 * Wake-ups at an instant, across restarts and processes. They are hints: one may come late, twice, or for something that
 * was settled meanwhile, so a handler looks at its own state and acts on that. It works in the trace in which it was
 * armed. Embedded they are jobs in PostgreSQL, distributed Dapr Jobs.
 */
export interface WakeUps {
  /** Makes or moves the appointment. An instant that has passed wakes at once. */
  arm(appointment: Appointment): Promise<void>;
  cancel(appointment: Pick<Appointment, 'task' | 'key'>): Promise<void>;
  /** Says who is woken. Before {@link start}, once per task. A handler that throws is woken again a little later. */
  on(task: string, handler: (key: string) => Promise<void>): void;
  start(): Promise<void>;
  /** Takes no new wake-up, waits for handlers at work, and resolves. */
  stop(): Promise<void>;
}

/** The span in which the handler of a wake-up works. */
export const wakeUpSpan = (task: string, key: string, traceparent: string): SpanToMake => ({
  name: `wake-up ${task}`,
  kind: 'consumer',
  attributes: { 'dsops.wake_up': key },
  traceparent,
});
