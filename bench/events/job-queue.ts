import { Logger, makeWorkerUtils, run, type Runner, type RunnerOptions } from 'graphile-worker';
import type pg from 'pg';
import { openPool } from '@dsops/database';
import type { Bench } from '../bench.js';
import type { Command, Contender } from './contender.js';
import type { EffectReader } from './effects.js';

const SCHEMA = 'bench_jobs';

export interface JobQueueSettings {
  readonly name: string;
  /** Jobs of one key one after the other, in a queue of their own; otherwise in any order. */
  readonly isOrdered: boolean;
  /** Of the commands of a measurement: one that is slow by its nature gets fewer. */
  readonly share: number;
  /** Jobs that are fetched, and completed, together; its own default is one. */
  readonly batch: number | null;
}

/** graphile-worker on the same database: the command adds a job in its transaction, the job writes the effect. */
export class JobQueue implements Contender {
  readonly name: string;
  readonly share: number;
  private runner: Runner | null = null;

  private constructor(
    private readonly pool: pg.Pool,
    private readonly reader: EffectReader,
    private readonly lanes: number,
    private readonly settings: JobQueueSettings,
  ) {
    this.name = settings.name;
    this.share = settings.share;
  }

  /** Makes the tables of graphile-worker, and one contender for each of the settings. */
  static async prepare(
    bench: Bench,
    url: string,
    reader: EffectReader,
    lanes: number,
    all: readonly JobQueueSettings[],
  ): Promise<JobQueue[]> {
    const pool = openPool({ connectionString: url, max: 2 * lanes + 4, application_name: 'graphile-worker' });
    bench.onEnd(() => pool.end());
    const utils = await makeWorkerUtils({ pgPool: pool, schema: SCHEMA, logger: quiet });
    await utils.migrate();
    await utils.release();
    return all.map((settings) => {
      const queue = new JobQueue(pool, reader, lanes, settings);
      bench.onEnd(() => queue.end());
      return queue;
    });
  }

  async begin(): Promise<void> {
    await this.reader.clear();
    const { batch } = this.settings;
    const options: RunnerOptions = {
      pgPool: this.pool,
      schema: SCHEMA,
      logger: quiet,
      concurrency: this.lanes,
      noHandleSignals: true,
      parsedCronItems: [],
      taskList: {
        effect: async (payload, { query }) => {
          const { id, key } = payload as Command;
          await query(`insert into ${SCHEMA}.bench_effects (command, key) values ($1, $2)`, [id, key]);
        },
      },
      ...(batch === null ? {} : { preset: { worker: { localQueue: { size: batch }, completeJobBatchDelay: 0 } } }),
    };
    this.runner = await run(options);
  }

  async command({ id, key }: Command): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('begin');
      await client.query({
        name: 'command',
        text: `insert into ${SCHEMA}.bench_commands (id) values ($1)`,
        values: [id],
      });
      const queue = this.settings.isOrdered ? key : null;
      await client.query({
        name: 'add job',
        text: `select from ${SCHEMA}.add_job('effect', $1::json, queue_name => $2)`,
        values: [JSON.stringify({ id, key }), queue],
      });
      await client.query('commit');
    } finally {
      client.release();
    }
  }

  untilEffects(count: number): Promise<void> {
    return this.reader.untilCount(count);
  }

  problems(commands: readonly Command[]): Promise<string[]> {
    return this.reader.problems(this.name, commands);
  }

  async end(): Promise<void> {
    const { runner } = this;
    this.runner = null;
    await runner?.stop();
  }
}

export const jobSchema = SCHEMA;

/** It tells of its every move. */
const quiet = new Logger(() => () => undefined);
