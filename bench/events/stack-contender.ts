import type { EventEnvelope } from '@dsops/contracts/envelope';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { newId } from '@dsops/kernel';

/** One way of bringing events over the same broker. */
export interface StackContender {
  readonly name: string;
  /** Brings so many events from one side to the other. @returns milliseconds until the last one had arrived */
  run(count: number): Promise<number>;
  /** What was lost, done twice or done in the wrong order in the last run. */
  problems(): Promise<readonly string[]>;
}

/** As many at a time as the relay publishes. */
export const BATCH = 500;

/** What the raw contenders send: an event like ours, with a key of its own choice. */
export const rawEvent = (key: string, nth: number): EventEnvelope => ({
  specversion: '1.0',
  id: newId(),
  source: '/dsops/bench',
  type: rotationStarted.type,
  subject: 'rotation/bench',
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  partitionkey: key,
  sequence: String(nth + 1),
  epoch: 1,
  data: rotationStarted.example,
});

/** Counts what arrives, and tells when it is enough. */
export class Arrivals {
  private left = 0;
  private enough = Promise.withResolvers<void>();

  expect(count: number): Promise<void> {
    this.left = count;
    this.enough = Promise.withResolvers();
    return this.enough.promise;
  }

  add(count: number): void {
    this.left -= count;
    if (this.left <= 0) this.enough.resolve();
  }
}
