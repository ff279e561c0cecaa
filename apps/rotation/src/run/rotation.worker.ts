import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { DueWorker, type Bell } from '@dsops/background';
import { isDomainError } from '@dsops/kernel';
import { inContext, newTraceparent, type Logger } from '@dsops/platform';
import type { WakeUps } from '@dsops/scheduling';
import type { HighWaterMark } from '../installation/high-water-mark.service.js';
import type { TargetSession } from '@dsops/drivers/driver';
import type { Outcome } from '../engine/journal.js';
import type { Lease } from './rotation.repository.js';
import { failureFrom, type Performed, type TargetEffects } from './target-effects.service.js';
import type { Look, Report, Turn, Turns } from './turn.service.js';

export interface WorkerOptions {
  /** Rotations at the same time. */
  readonly concurrency: number;
  /** How often it looks for due rotations when nobody rings. */
  readonly lookEveryMs: number;
  /**
   * The only process of its installation: leases of the one before it are taken over at the start instead of waited
   * for. Safe in any case, because the fence moves on; between living workers it would only be rude.
   */
  readonly takesOver: boolean;
}

/** Whom wake-ups are for; their key is the rotation's id. */
const TASK = 'rotation';

export const WORKER_DEFAULTS: WorkerOptions = { concurrency: 4, lookEveryMs: 500, takesOver: false };

/** A claim lasts until the first turn, which extends it for its effect. */
const CLAIM_MS = 15_000;

interface HeldSession {
  readonly session: TargetSession;
  readonly seq: number;
}

/**
 * Brings open rotations forward: claims one that is due, takes turn after turn, and lets go when it waits, ends or
 * belongs to somebody else. Any number of workers may run; each effect is under one lease, and the fence in every write
 * keeps out whoever lost it. What is open at the start is picked up like anything else that is due.
 */
export class RotationWorker implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly options: WorkerOptions;
  private readonly due: DueWorker<Lease>;
  private hasTakenOver = false;

  constructor(
    private readonly turns: Turns,
    private readonly effects: TargetEffects,
    private readonly highWaterMark: Pick<HighWaterMark, 'advance'>,
    bell: Bell,
    private readonly logger: Logger,
    options: Partial<WorkerOptions> = {},
    private readonly wakeUps?: WakeUps,
  ) {
    this.options = { ...WORKER_DEFAULTS, ...options };
    this.due = new DueWorker({
      claim: () => this.claim(),
      keyOf: ({ rotationId }) => rotationId,
      work: (lease, stopping) =>
        inContext({ traceparent: lease.traceparent ?? newTraceparent() }, () => this.drive(lease, stopping)),
      putOff: async (lease, afterMs, error) => {
        const { rotationId } = lease;
        logger.error({ error, rotationId, afterMs }, 'a turn of a rotation failed; it is taken again');
        await turns.putOff(lease, afterMs);
      },
      onFault: (error) => logger.warn({ error }, 'the database did not answer the rotation worker; it looks again'),
      concurrency: this.options.concurrency,
      lookEveryMs: this.options.lookEveryMs,
      bell,
    });
    wakeUps?.on(TASK, async () => bell.ring());
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.stop();
  }

  start(): void {
    this.due.start();
  }

  /** Finishes the effects that are under way and lets go of everything. */
  async stop(): Promise<void> {
    await this.due.stop();
  }

  private async claim(): Promise<Lease | null> {
    if (this.options.takesOver && !this.hasTakenOver) await this.turns.dropLeases();
    this.hasTakenOver = true;
    return this.turns.claim(CLAIM_MS);
  }

  private async drive(lease: Lease, stopping: AbortSignal): Promise<void> {
    let held: HeldSession | null = null;
    let opened: TargetSession | null = null;
    let report: Report | null = null;
    let look: Look | null = null;
    try {
      for (;;) {
        const startedAt = performance.now();
        const turn = await this.turns.take(lease, held?.seq ?? null, report, stopping.aborted, look);
        if (opened && turn.reportedAs !== null) held = { session: opened, seq: turn.reportedAs };
        if (turn.kind === 'over') {
          if (turn.wakeAt !== null) await this.armWakeUp(lease.rotationId, turn.wakeAt);
          return;
        }
        opened = null;
        report = null;
        look = null;
        if (turn.kind === 'next') continue;
        // Held up past the lease: somebody else has it by now, and counts on nothing being done any more.
        if (performance.now() - startedAt > turn.leaseMs) return;
        if (turn.kind === 'look') {
          look = { slot: turn.slot, seen: await this.effects.look(turn.slot, turn.inputs) };
          continue;
        }
        const { outcome, durationMs, opened: session } = await this.perform(turn, held);
        report = { outcome, durationMs };
        opened = session;
        if (turn.effect.do !== 'probe') {
          await close(held?.session);
          held = null;
        }
      }
    } finally {
      await close(held?.session);
      await close(opened);
    }
  }

  private async perform(turn: Extract<Turn, { kind: 'perform' }>, held: HeldSession | null): Promise<Performed> {
    const { effect, inputs } = turn;
    if (effect.do === 'end-session') await close(held?.session);
    if (effect.do === 'set' || effect.do === 'retire') {
      const refused = await this.raiseMark();
      if (refused) return { outcome: refused, durationMs: 0, opened: null };
    }
    return this.effects.perform(effect, inputs, held?.session ?? null);
  }

  /** Before every set and retire: from here on no older copy of the database can pass for the present one. */
  private async raiseMark(): Promise<Outcome | null> {
    try {
      await this.highWaterMark.advance();
      return null;
    } catch (error) {
      if (isDomainError(error)) return { kind: 'undone', failure: failureFrom(error) };
      throw error;
    }
  }

  /** A hint only: without it the rotation is found at one of the next looks. */
  private async armWakeUp(rotationId: string, at: Date): Promise<void> {
    try {
      await this.wakeUps?.arm({ task: TASK, key: rotationId, at });
    } catch (error) {
      this.logger.warn({ error, rotationId }, 'no wake-up could be armed; the rotation is found by looking');
    }
  }
}

/** A session that cannot be closed any more is closed by its server; its identity is in the journal. */
const close = async (session: TargetSession | null | undefined): Promise<void> =>
  session?.close().catch(() => undefined);
