import type { ServiceName } from '@dsops/contracts/service-names';
import type { Database, SqlExecutor } from '@dsops/database';
import { newId, systemClock, type Clock } from '@dsops/kernel';
import { currentContext, inSpan } from '@dsops/platform';
import { isRerun } from '../database-error.js';
import type { EventToEmit, Unit, UnitOfWork } from '../unit-of-work.js';
import { CollectingUnit, doAfterCommit } from './collecting-unit.js';
import { prepareEvent, type EmittedEvent } from './emitted-event.js';
import { writeOutbox } from './outbox.repository.js';

export const UNIT_OF_WORK = Symbol('UnitOfWork');

/** How long a unit may wait for a connection, and how long it may run. */
const MAX_WAIT_MS = 10_000;
const TIMEOUT_MS = 30_000;
const RUNS = 5;

/** Turns what a unit wants to say into an event with an id, the present instant, and the trace it belongs to. */
export const preparingFor =
  (service: ServiceName, clock: Clock) =>
  (event: EventToEmit): EmittedEvent =>
    prepareEvent(service, event, { id: newId(), saidAt: clock.now(), traceparent: currentContext()?.traceparent });

/** Who hears of commits. */
export interface CommitListeners {
  /** Of each unit that has said something. */
  readonly onCommit?: (said: readonly EmittedEvent[]) => void;
  /** Of what failed after a commit; nobody unless said. */
  readonly onFault?: (error: unknown) => void;
}

/** The unit of work of one service on its own Prisma client. */
export class PrismaUnitOfWork<Tx extends SqlExecutor = SqlExecutor> implements UnitOfWork<Tx> {
  private readonly prepare: (event: EventToEmit) => EmittedEvent;

  constructor(
    private readonly database: Database<Tx>,
    service: ServiceName,
    clock: Clock = systemClock,
    private readonly listeners: CommitListeners = {},
  ) {
    this.prepare = preparingFor(service, clock);
  }

  async run<R>(work: (unit: Unit<Tx>) => Promise<R>): Promise<R> {
    for (let run = 1; ; run += 1) {
      try {
        return await this.runOnce(work);
      } catch (error) {
        if (run === RUNS || !isRerun(error)) throw error;
        await new Promise((done) => setTimeout(done, Math.random() * 10 * 2 ** run));
      }
    }
  }

  private async runOnce<R>(work: (unit: Unit<Tx>) => Promise<R>): Promise<R> {
    const { unit, answer } = await this.database.$transaction(
      async (tx) => {
        const unit = new CollectingUnit(tx, this.prepare);
        const answer = await work(unit);
        if (unit.emitted.length > 0) await inSpan({ name: 'outbox' }, () => writeOutbox(tx, unit.emitted));
        return { unit, answer };
      },
      { maxWait: MAX_WAIT_MS, timeout: TIMEOUT_MS },
    );
    const { onCommit, onFault = () => undefined } = this.listeners;
    const tell = () => onCommit?.(unit.emitted);
    doAfterCommit(unit.emitted.length > 0 ? [tell, ...unit.afterwards] : unit.afterwards, onFault);
    return answer;
  }
}
