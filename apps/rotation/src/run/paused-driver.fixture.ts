import type { TargetDriver, TargetSession } from '@dsops/drivers/driver';

type Call = 'probe' | 'openSession' | 'endSession' | 'set' | 'retire';

/** Where a worker stands still: at the n-th call of this kind, before it is made or after the target has answered. */
export interface StandStill {
  readonly call: Call;
  readonly nth: number;
  readonly when: 'before' | 'after';
}

/**
 * A driver whose worker stops dead at one call, as a process does that is suspended: its connections stay open, and when
 * it is woken it goes on as if nothing had happened.
 */
export function pausedDriver(driver: TargetDriver) {
  let armed: StandStill | null = null;
  let count = 0;
  let wake: () => void = () => undefined;
  let hasStopped = false;

  async function passing<T>(call: Call, work: () => Promise<T>): Promise<T> {
    const isIt = armed?.call === call && ++count === armed.nth ? armed : null;
    const stand = () => {
      armed = null;
      hasStopped = true;
      return new Promise<void>((done) => (wake = done));
    };
    if (isIt?.when === 'before') await stand();
    const answer = await work();
    if (isIt?.when === 'after') await stand();
    return answer;
  }

  const wrapped = (session: TargetSession): TargetSession => ({
    identity: session.identity,
    set: (...args) => passing('set', () => session.set(...args)),
    retire: (...args) => passing('retire', () => session.retire(...args)),
    close: () => session.close(),
  });
  const calls: Pick<TargetDriver, 'probe' | 'openSession' | 'endSession'> = {
    probe: (...args) => passing('probe', () => driver.probe(...args)),
    endSession: (...args) => passing('endSession', () => driver.endSession(...args)),
    openSession: (...args) => passing('openSession', async () => wrapped(await driver.openSession(...args))),
  };
  return {
    driver: Object.assign(Object.create(driver) as TargetDriver, calls),
    arm(at: StandStill): void {
      armed = at;
      count = 0;
      hasStopped = false;
    },
    hasStopped: () => hasStopped,
    wake: () => wake(),
  };
}
