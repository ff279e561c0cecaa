import type { Clock } from '@dsops/kernel';

/** A clock that stands still until it is moved. */
export class FakeClock implements Clock {
  private elapsedMs = 0;

  constructor(private instant = new Date('2026-11-21T12:00:00.000Z')) {}

  now(): Date {
    return new Date(this.instant);
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  advance(ms: number): void {
    this.elapsedMs += ms;
    this.instant = new Date(this.instant.getTime() + ms);
  }
}
