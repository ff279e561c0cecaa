import { wordOutage } from '@dsops/database';
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Every, Stop } from '@dsops/background';
import { requestMade } from '@dsops/contracts/gateway/events';
import type { Clock } from '@dsops/kernel';
import { UNIT_OF_WORK, type Unit, type UnitOfWork } from '@dsops/messaging';
import type { Logger } from '@dsops/platform';
import { CLOCK, LOGGER } from '@dsops/service';
import { TUNING, type GatewayTuning } from '../gateway.options.js';
import { AccessRecordRepository, type OpenRequest, type Transaction } from './access-record.repository.js';

export interface RequestOutcome {
  /** The HTTP status of the answer; 0 when nobody knows it. */
  readonly status: number;
  readonly code?: string;
}

const RETRIES_MS = [200, 1_000, 5_000];
const SWEEP_MS = 60_000;
const SWEEP_BATCH = 100;
const UNKNOWN: RequestOutcome = { status: 0, code: 'outcome_unknown' };

/**
 * Records who asked for what, as events of the gateway.
 *
 * A request that may change something is written down before it is carried out; when that fails, it is not carried out.
 * Its outcome is recorded beside the answer, so the client waits for one small insert and for nothing else. Should this
 * process die in between, the row stays, and a sweep of any process of the gateway reports it with an unknown outcome:
 * nothing that was carried out goes unrecorded.
 */
@Injectable()
export class AccessRecordService
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly closing = new Stop();
  private readonly sweeps = new Every({
    everyMs: SWEEP_MS,
    first: 'at-start',
    pass: async () => void (await this.sweep()),
    onFault: (error) => this.logger.error({ error }, 'access sweep failed'),
  });

  constructor(
    private readonly requests: AccessRecordRepository,
    @Inject(UNIT_OF_WORK) private readonly units: UnitOfWork<Transaction>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(TUNING) private readonly tuning: GatewayTuning,
  ) {}

  onApplicationBootstrap(): void {
    this.sweeps.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sweeps.stop();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.closing.finish();
  }

  /** What was answered until the very end is recorded, too. */
  async onApplicationShutdown(): Promise<void> {
    await this.settle();
  }

  /** Waits for the outcomes that are being recorded. */
  private settle(): Promise<void> {
    return this.closing.settled();
  }

  /**
   * Writes the request down before it is carried out.
   * @throws DomainError `database_unavailable`: then it must not be carried out.
   */
  async open(request: Omit<OpenRequest, 'startedAt'>): Promise<OpenRequest & { readonly startedMs: number }> {
    const open = { ...request, startedAt: this.clock.now() };
    try {
      await this.requests.add(open);
    } catch (error) {
      throw wordOutage(error);
    }
    return { ...open, startedMs: this.clock.monotonicMs() };
  }

  /** Records how it was answered. Returns at once; what cannot be recorded now is tried again, in the end by the sweep. */
  close(request: OpenRequest & { readonly startedMs: number }, outcome: RequestOutcome): void {
    const durationMs = Math.round(this.clock.monotonicMs() - request.startedMs);
    void this.closing.track(
      this.record(request, outcome, durationMs).catch((error: unknown) =>
        this.logger.error({ error }, 'outcome of a request was not recorded, the sweep will report it'),
      ),
    );
  }

  /** Reports what a process that died has left. Answers how many there were. */
  async sweep(): Promise<number> {
    const before = new Date(this.clock.now().getTime() - this.tuning.unknownOutcomeAfterMs);
    let swept = 0;
    for (let taken = SWEEP_BATCH; taken === SWEEP_BATCH; swept += taken)
      taken = await this.units.run(async (unit) => {
        const left = await this.requests.takeOlder(unit.tx, before, SWEEP_BATCH);
        for (const request of left) say(unit, request, UNKNOWN, 0);
        return left.length;
      });
    if (swept > 0)
      this.logger.warn({ count: swept }, 'requests of a process that ended were reported with an unknown outcome');
    return swept;
  }

  private async record(request: OpenRequest, outcome: RequestOutcome, durationMs: number): Promise<void> {
    for (let attempt = 0; ; attempt++)
      try {
        return await this.units.run(async (unit) => {
          if (await this.requests.take(unit.tx, request.id)) say(unit, request, outcome, durationMs);
        });
      } catch (error) {
        const delayMs = RETRIES_MS[attempt];
        if (delayMs === undefined || this.closing.isAsked) throw error;
        await this.closing.pause(delayMs);
      }
  }
}

function say(
  unit: Unit<Transaction>,
  request: OpenRequest,
  { status, code }: RequestOutcome,
  durationMs: number,
): void {
  const { id, principal, operation, method, path } = request;
  unit.emit({
    event: requestMade,
    key: principal.id,
    subject: `request/${id}`,
    data: {
      requestId: id,
      operation,
      method,
      path,
      status,
      durationMs,
      ...(code === undefined ? {} : { code }),
      actor: principal,
    },
  });
}
