import { worldOf, type Accepts, type Observer, type ObserverPlace } from '@dsops/drivers/kit/world';
import { throughOutage } from './outage.js';

/** A tenant of a target, as a process that did not start the target finds it. Plain JSON. */
export interface Observed {
  readonly kind: string;
  readonly place: ObserverPlace;
}

/** What a target accepts, seen past the product: by its kind's observer, which is asked again while the target is away. */
export class ObservedTarget {
  private observer: Promise<Observer> | undefined;

  constructor(private readonly observed: Observed) {}

  accepted(valuesNow: () => readonly string[]): Promise<Map<string, Accepts>> {
    return throughOutage(async () => (await this.open()).accepted(valuesNow), ANY);
  }

  logIn(username: string, value: string): Promise<'accepted' | 'refused'> {
    return throughOutage(() => this.logInOnce(username, value), ANY);
  }

  /** @throws what kept it from being judged */
  async logInOnce(username: string, value: string): Promise<'accepted' | 'refused'> {
    return (await this.open()).logIn(username, value);
  }

  async close(): Promise<void> {
    await (await this.observer?.catch(() => undefined))?.close();
  }

  private open(): Promise<Observer> {
    if (this.observer !== undefined) return this.observer;
    const opening = worldOf(this.observed.kind).then(({ openObserver }) => openObserver(this.observed.place));
    // One that could not be opened, because its target is away, is opened the next time.
    opening.catch(() => (this.observer = undefined));
    return (this.observer = opening);
  }
}

/** What a server says that is away, only its own kind knows; what is no outage does not pass by waiting either. */
const ANY = () => true;
