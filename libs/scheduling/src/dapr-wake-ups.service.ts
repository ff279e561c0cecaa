import { createHash } from 'node:crypto';
import { Stop } from '@dsops/background';
import { DomainError } from '@dsops/kernel';
import {
  currentContext,
  inSpan,
  isTraceparent,
  newTraceparent,
  oneLine,
  Sidecar,
  sidecarFault,
  type Logger,
  type SidecarAnswer,
  type SidecarOptions,
} from '@dsops/platform';
import { wakeUpSpan, type Appointment, type WakeUps } from './wake-ups.js';

export interface DaprWakeUpsOptions extends SidecarOptions {
  readonly logger: Logger;
  /** After a handler that threw; 5 s unless said. */
  readonly retryAfterMs?: number;
  /** How long an arming may take; 5 s unless said. daprd itself waits half a minute for a scheduler that is down. */
  readonly timeoutMs?: number;
}

/** What a tick brings back. */
interface JobData {
  readonly task: string;
  readonly key: string;
  readonly traceparent: string;
}

/** A handler that fails for longer is left alone: who armed it looks by itself now and then. */
const RETRY_FOR_MS = 3_600_000;

/**
 * Wake-ups as one-shot Dapr Jobs: the scheduler keeps them, and one process of the service is told, at least once, by a
 * POST to `/job/<name>` (DaprWakeUpsModule). A tick may still be lost with the scheduler's data; like every wake-up it is
 * a hint. Ticks know no trace, so the one in which the appointment was made travels in the data.
 */
export class DaprWakeUps implements WakeUps {
  private readonly sidecar: Sidecar;
  private readonly logger: Logger;
  private readonly retryAfterMs: number;
  private readonly timeoutMs: number;
  private readonly handlers = new Map<string, (key: string) => Promise<void>>();
  private readonly ending = new Stop();
  private hasStarted = false;

  constructor(options: DaprWakeUpsOptions) {
    this.sidecar = new Sidecar(options);
    this.logger = options.logger;
    this.retryAfterMs = options.retryAfterMs ?? 5_000;
    this.timeoutMs = options.timeoutMs ?? 5_000;
  }

  on(task: string, handler: (key: string) => Promise<void>): void {
    if (this.handlers.has(task)) throw new TypeError(`${task} has two handlers of wake-ups`);
    this.handlers.set(task, handler);
  }

  async start(): Promise<void> {
    this.hasStarted = true;
  }

  async arm({ task, key, at }: Appointment): Promise<void> {
    const data: JobData = { task, key, traceparent: currentContext()?.traceparent ?? newTraceparent() };
    const body = JSON.stringify({
      dueTime: at.toISOString(),
      overwrite: true,
      data,
      failurePolicy: {
        constant: {
          interval: `${this.retryAfterMs / 1_000}s`,
          maxRetries: Math.ceil(RETRY_FOR_MS / this.retryAfterMs),
        },
      },
    });
    const answer = await this.ask('POST', jobNameOf(task, key), body);
    if (answer.status !== 204) throw notDone('armed', answer);
  }

  async cancel({ task, key }: Pick<Appointment, 'task' | 'key'>): Promise<void> {
    const answer = await this.ask('DELETE', jobNameOf(task, key));
    if (answer.status !== 204) throw notDone('cancelled', answer);
  }

  async stop(): Promise<void> {
    await this.ending.finish().catch((error: unknown) => this.logger.warn({ error }, 'a wake-up is still at work'));
  }

  /**
   * A tick has come. Resolves when there is nothing more to do about it.
   * @throws when it is to come again: the handler failed, is not there in this release, or this process is stopping
   */
  async receive(job: string, body: unknown): Promise<void> {
    const data = jobDataOf(body);
    if (data === undefined) return this.logger.warn({ job }, 'a job that is no wake-up of ours; nothing is done');
    const handler = this.hasStarted && !this.ending.isAsked ? this.handlers.get(data.task) : undefined;
    if (handler === undefined)
      throw new DomainError(
        'wake_up_not_taken',
        'unavailable',
        `This process takes no wake-up for ${oneLine(data.task)} now.`,
      );
    await this.ending.track(inSpan(wakeUpSpan(data.task, data.key, data.traceparent), () => handler(data.key)));
  }

  private ask(method: 'POST' | 'DELETE', job: string, body?: string): Promise<SidecarAnswer> {
    if (!this.hasStarted)
      throw new DomainError('wake_ups_not_started', 'internal', 'Wake-ups were used before they were started.');
    return this.sidecar.ask({
      method,
      path: `/v1.0/jobs/${job}`,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body }),
      timeoutMs: this.timeoutMs,
    });
  }
}

/** Names of jobs are those of DNS, without case; tasks and keys are anything. The same pair has the same name. */
const jobNameOf = (task: string, key: string): string =>
  `wake-up.${createHash('sha256')
    .update(JSON.stringify([task, key]))
    .digest('hex')
    .slice(0, 40)}`;

const notDone = (what: string, answer: SidecarAnswer): DomainError =>
  new DomainError(
    'wake_up_failed',
    'unavailable',
    `A wake-up could not be ${what} (${sidecarFault(answer) ?? oneLine(`${answer.status} ${answer.text}`)}).`,
    { remedy: 'See whether the Dapr scheduler is up.' },
  );

function jobDataOf(body: unknown): JobData | undefined {
  const { task, key, traceparent } = (body ?? {}) as Record<string, unknown>;
  if (typeof task !== 'string' || typeof key !== 'string') return undefined;
  const trace = typeof traceparent === 'string' ? traceparent : undefined;
  return { task, key, traceparent: isTraceparent(trace) ? trace : newTraceparent() };
}
