import { unwrapSecret, type Secret } from '@dsops/kernel';
import type { Administration, Login, TargetDriver, TargetSession, Verification } from '@dsops/drivers/driver';
import type { TargetAddress } from '@dsops/contracts/rotation/targets/define-target';
import type { Points } from './points.js';
import type { Tap } from './tap.js';

type Driver = TargetDriver;
type Session = TargetSession;

/**
 * The real driver between two taps: every generated value is on disk before the engine sees it, and before and after
 * each call there is a point. This is the harness's seam: a driver is what the service is given anyway.
 */
export class TappedDriver implements TargetDriver {
  readonly kind: string;
  readonly facts: Driver['facts'];

  constructor(
    private readonly driver: Driver,
    private readonly tap: Tap,
    private readonly points: Points,
    /** How the journal words the effect that is under way, such as `probe new`; null outside of a rotation. */
    private readonly effectNow: () => string | null,
  ) {
    this.kind = driver.kind;
    this.facts = driver.facts;
  }

  generate(): Secret {
    const value = this.driver.generate();
    this.tap.write({ kind: 'value', value: unwrapSecret(value), origin: 'generated' });
    return value;
  }

  consumers(...args: Parameters<Driver['consumers']>): ReturnType<Driver['consumers']> {
    return this.driver.consumers(...args);
  }

  inspect(...args: Parameters<Driver['inspect']>): ReturnType<Driver['inspect']> {
    return this.driver.inspect(...args);
  }

  openSession(at: Administration, marker: string): Promise<Session> {
    return this.between(async () => this.tapped(await this.driver.openSession(at, marker)));
  }

  endSession(...args: Parameters<Driver['endSession']>): ReturnType<Driver['endSession']> {
    return this.between(async () => {
      const ended = await this.driver.endSession(...args);
      this.tap.write({ kind: 'ended', session: nameOf(args[1]) });
      return ended;
    });
  }

  probe(target: TargetAddress, login: Login, verification: Verification): ReturnType<Driver['probe']> {
    return this.between(async () => {
      const probe = await this.driver.probe(target, login, verification);
      // A login that only fails its verification was let in.
      const verdict = probe.refusedBy === 'verification' ? 'accepted' : probe.verdict;
      this.tap.write({ kind: 'probed', login: login.username, value: unwrapSecret(login.password), verdict });
      return probe;
    });
  }

  private tapped(session: Session): Session {
    const { tap } = this;
    const between = this.between.bind(this);
    const name = nameOf(session.identity);
    return {
      identity: session.identity,
      set(slot, value) {
        return between(() => {
          tap.write({ kind: 'sending', session: name, slot: slot.name, value: unwrapSecret(value) });
          return session.set(slot, value);
        });
      },
      retire(slot, ended, options) {
        return between(() => {
          tap.write({ kind: 'sending', session: name, slot: slot.name, value: null });
          return session.retire(slot, ended, options);
        });
      },
      close: () => session.close(),
    };
  }

  private async between<T>(call: () => Promise<T>): Promise<T> {
    const effect = this.effectNow();
    if (effect === null) return call();
    await this.points.pass(effect, 'before');
    const answer = await call();
    await this.points.pass(effect, 'after');
    return answer;
  }
}

/** The same for an identity that went through a journal. */
const nameOf = (identity: Session['identity']): string => JSON.stringify(Object.entries(identity).sort());
