import type { Login, TargetDriver, TargetSession, Verification } from '@dsops/drivers/driver';
import type { TargetAddress } from '@dsops/contracts/rotation/targets/define-target';

type Driver = TargetDriver;
type Session = TargetSession;

/** One call of a driver: what a target is made to do. */
export type TargetCall =
  | { readonly do: 'probe'; readonly slot: string; readonly isAccepted: boolean }
  | { readonly do: 'open-session' | 'close' | 'inspect' | 'end-session' }
  | { readonly do: 'set'; readonly slot: string }
  | { readonly do: 'retire'; readonly slot: string; readonly endSessions: boolean };

/** The real driver, which notes what it was asked for. A driver is what the service is given anyway. */
export class RecordingDriver implements TargetDriver {
  readonly kind: string;
  readonly facts: Driver['facts'];
  private calls: TargetCall[] = [];
  private onFirst: (() => void) | null = null;

  constructor(private readonly driver: Driver) {
    this.kind = driver.kind;
    this.facts = driver.facts;
  }

  /** Forgets what was noted. `onFirst` hears of the next call before it is made. */
  begin(onFirst: (() => void) | null = null): void {
    this.calls = [];
    this.onFirst = onFirst;
  }

  /** What was called since {@link begin}, in the order of the answers. */
  get noted(): readonly TargetCall[] {
    return this.calls;
  }

  generate(): ReturnType<Driver['generate']> {
    return this.driver.generate();
  }

  consumers(...args: Parameters<Driver['consumers']>): ReturnType<Driver['consumers']> {
    return this.driver.consumers(...args);
  }

  async inspect(...args: Parameters<Driver['inspect']>): ReturnType<Driver['inspect']> {
    const findings = await this.driver.inspect(...args);
    this.calls.push({ do: 'inspect' });
    return findings;
  }

  async probe(target: TargetAddress, login: Login, verification: Verification): ReturnType<Driver['probe']> {
    this.tellFirst();
    const probe = await this.driver.probe(target, login, verification);
    this.calls.push({ do: 'probe', slot: login.username, isAccepted: probe.verdict === 'accepted' });
    return probe;
  }

  async openSession(...args: Parameters<Driver['openSession']>): Promise<Session> {
    this.tellFirst();
    const session = await this.driver.openSession(...args);
    this.calls.push({ do: 'open-session' });
    return {
      identity: session.identity,
      set: (slot, value) => {
        this.calls.push({ do: 'set', slot: slot.name });
        return session.set(slot, value);
      },
      retire: (slot, ended, options) => {
        this.calls.push({ do: 'retire', slot: slot.name, endSessions: options.endSessions });
        return session.retire(slot, ended, options);
      },
      close: () => {
        this.calls.push({ do: 'close' });
        return session.close();
      },
    };
  }

  async endSession(...args: Parameters<Driver['endSession']>): ReturnType<Driver['endSession']> {
    const ended = await this.driver.endSession(...args);
    this.calls.push({ do: 'end-session' });
    return ended;
  }

  private tellFirst(): void {
    this.onFirst?.();
    this.onFirst = null;
  }
}
