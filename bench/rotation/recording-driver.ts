import type { Target } from '@dsops/contracts/rotation/api';
import type { PostgresqlDriver } from '@dsops/drivers';

type Driver = PostgresqlDriver;
type Login = Parameters<Driver['probe']>[1];
type Session = Awaited<ReturnType<Driver['openSession']>>;

/** One call of a driver: what a target is made to do. */
export type TargetCall =
  | { readonly do: 'probe'; readonly slot: string; readonly isAccepted: boolean }
  | { readonly do: 'open-session' | 'close' | 'inspect' | 'end-session' }
  | { readonly do: 'set'; readonly slot: string }
  | { readonly do: 'retire'; readonly slot: string; readonly endSessions: boolean };

/** The real driver, which notes what it was asked for. A driver is what the service is given anyway. */
export class RecordingDriver implements Pick<Driver, keyof Driver> {
  readonly type = 'postgresql';
  readonly facts: Driver['facts'];
  private calls: TargetCall[] = [];
  private onFirst: (() => void) | null = null;

  constructor(private readonly driver: Driver) {
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

  async inspect(...args: Parameters<Driver['inspect']>): ReturnType<Driver['inspect']> {
    const findings = await this.driver.inspect(...args);
    this.calls.push({ do: 'inspect' });
    return findings;
  }

  async probe(target: Target, login: Login, verification: Parameters<Driver['probe']>[2]): ReturnType<Driver['probe']> {
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
      set: (login) => {
        this.calls.push({ do: 'set', slot: login.username });
        return session.set(login);
      },
      retire: (username, options) => {
        this.calls.push({ do: 'retire', slot: username, endSessions: options.endSessions });
        return session.retire(username, options);
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
