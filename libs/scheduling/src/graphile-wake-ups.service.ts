import { Logger as GraphileLogger, makeWorkerUtils, run, type Runner, type WorkerUtils } from 'graphile-worker';
import type pg from 'pg';
import { loginOf, openPool, type DatabaseOptions } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import { currentContext, inSpan, newTraceparent } from '@dsops/platform';
import { wakeUpSpan, type Appointment, type WakeUps } from './wake-ups.js';

export interface GraphileWakeUpsOptions extends DatabaseOptions {
  /** How late a wake-up may come at most, when nothing else delays it; 500 ms unless said. */
  readonly pollMs?: number;
  readonly onError?: (error: unknown) => void;
}

const SCHEMA = 'scheduling';

/** Wake-ups as jobs of graphile-worker, in a schema and with a role of their own. Several processes share the work. */
export class GraphileWakeUps implements WakeUps {
  private readonly pool: pg.Pool;
  private readonly handlers = new Map<string, (key: string) => Promise<void>>();
  private readonly settings;
  private utils: WorkerUtils | undefined;
  private runner: Runner | undefined;

  constructor(private readonly options: GraphileWakeUpsOptions) {
    const { poolSize: max = 4, onError } = options;
    this.pool = openPool({ ...loginOf(SCHEMA, options), max, application_name: 'dsops scheduling' }, onError);
    // graphile-worker tells of its every move; what matters reaches us through its events.
    this.settings = { pgPool: this.pool, schema: SCHEMA, logger: new GraphileLogger(() => () => undefined) };
  }

  on(task: string, handler: (key: string) => Promise<void>): void {
    if (this.handlers.has(task)) throw new TypeError(`${task} has two handlers of wake-ups`);
    this.handlers.set(task, handler);
  }

  async start(): Promise<void> {
    this.utils = await makeWorkerUtils(this.settings);
    await this.utils.migrate();
    this.runner = await run({
      ...this.settings,
      concurrency: 2,
      pollInterval: this.options.pollMs ?? 500,
      noHandleSignals: true,
      parsedCronItems: [],
      taskList: Object.fromEntries(
        [...this.handlers].map(([task, handler]) => [
          task,
          (payload: unknown) => {
            const { key, traceparent = newTraceparent() } = payload as { key: string; traceparent?: string };
            return inSpan(wakeUpSpan(task, key, traceparent), () => handler(key));
          },
        ]),
      ),
    });
    this.runner.events.on('pool:listen:error', ({ error }) => this.options.onError?.(error));
    this.runner.events.on('job:error', ({ error }) => this.options.onError?.(error));
  }

  async arm({ task, key, at }: Appointment): Promise<void> {
    const traceparent = currentContext()?.traceparent;
    await this.started().addJob(task, { key, traceparent }, { jobKey: `${task}/${key}`, runAt: at, maxAttempts: 25 });
  }

  async cancel({ task, key }: Pick<Appointment, 'task' | 'key'>): Promise<void> {
    await this.started().withPgClient((client) => client.query(`select ${SCHEMA}.remove_job($1)`, [`${task}/${key}`]));
  }

  async stop(): Promise<void> {
    await this.runner?.stop();
    await this.utils?.release();
    await this.pool.end();
  }

  private started(): WorkerUtils {
    if (this.utils === undefined)
      throw new DomainError('wake_ups_not_started', 'internal', 'Wake-ups were used before they were started.');
    return this.utils;
  }
}
