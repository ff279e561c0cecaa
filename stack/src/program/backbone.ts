import { applyTopics } from '@dsops/broker';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TOPIC_PARTITIONS } from '@dsops/contracts/topics';
import { topicList } from '@dsops/contracts-generate';
import { migrate, startPostgres, type PostgresServer, type SchemaName } from '@dsops/database';
import { isDomainError } from '@dsops/kernel';
import type { HomePaths } from '@dsops/kernel/home';
import { keyPaths } from '@dsops/rotation';
import { DATABASE_SUPERUSER, databaseRole, openKeyFile, type MasterKey } from '@dsops/sealing';
import { ensureTools, type Tools } from '../tools/ensure-tools.js';
import { startKafka, type KafkaServer } from '../servers/kafka.js';
import { startScheduler, type SchedulerServer } from '../servers/scheduler.js';
import { startSentry, type SentryServer } from '../servers/sentry.js';
import { startZipkin, type ZipkinServer } from '../servers/zipkin.js';
import { createDatabase, DATABASE, databaseFolder } from '@dsops/standalone';
import type { StackContext } from './stack-context.js';

const RETENTION_MS = 7 * 24 * 60 * 60 * 1000;

/** What the services stand on. */
export interface Backbone {
  readonly tools: Pick<Tools, 'dapr'>;
  readonly key: MasterKey;
  readonly postgres: PostgresServer;
  readonly kafka: KafkaServer;
  readonly sentry: SentryServer;
  /** Null: the stack runs without Dapr Jobs. */
  readonly scheduler: SchedulerServer | null;
  readonly zipkin: ZipkinServer;
}

/** Starts it: the tools first, then database, Kafka with its topics, Dapr's control plane and Zipkin side by side. */
export async function startBackbone(context: StackContext): Promise<Backbone> {
  const { home, board, signal } = context;
  const onProgress = board.progress.show.bind(board.progress);
  const tools = await board.step('tools', async () => {
    const found = await ensureTools(['kafka', 'zipkin', 'dapr'], { onProgress, signal });
    const { dapr, kafka, zipkin } = found;
    return [`Dapr ${dapr.version}, Kafka ${kafka.version}, Zipkin ${zipkin.version}`, found];
  });
  const key = await openKey(home);
  // None of these needs another. All come to an end before one that failed is told, so that what runs is known.
  const starting = [
    startDatabase(context, key),
    startBroker(context, tools),
    startControlPlane(context, tools),
    startTraces(context, tools),
  ] as const;
  await Promise.allSettled(starting);
  const [postgres, kafka, { sentry, scheduler }, zipkin] = await Promise.all(starting);
  board.set({ zipkinUrl: zipkin.url, databasePort: postgres.port });
  return { tools, key, postgres, kafka, sentry, scheduler, zipkin };
}

async function openKey(home: HomePaths): Promise<MasterKey> {
  const { keyFile } = keyPaths(home.folder);
  mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
  const hasData = existsSync(join(databaseFolder(home), 'PG_VERSION'));
  return openKeyFile({ path: keyFile, database: hasData ? 'existing' : 'new' });
}

async function startDatabase(context: StackContext, key: MasterKey): Promise<PostgresServer> {
  const { home, board } = context;
  const postgres = await board.start(context.part('postgres', 'PostgreSQL'), async () => {
    const { logFile } = context.life('postgres');
    mkdirSync(dirname(logFile), { recursive: true });
    const server = await startPostgres({
      dataDir: databaseFolder(home),
      password: key.password(DATABASE_SUPERUSER),
      settings: { max_connections: 200 },
      logFile,
    });
    context.onStop(() => server.stop());
    void server.exited.then(() => board.ended('postgres', context.exitOf(logFile)));
    return [{ address: `127.0.0.1:${server.port}`, pid: server.pid, program: 'postgres', logFile }, server];
  });
  await board.step('schemas', async () => {
    await createDatabase(postgres, keyPaths(home.folder).keyFile);
    let applied = 0;
    const passwordOf = (schema: SchemaName) => key.password(databaseRole(schema));
    await migrate({ adminUrl: postgres.url(DATABASE), passwordOf, onApplied: () => (applied += 1) });
    return [applied > 0 ? `${applied} migrations applied` : 'up to date', undefined];
  });
  return postgres;
}

async function startBroker(context: StackContext, tools: Pick<Tools, 'kafka'>): Promise<KafkaServer> {
  const { home, board } = context;
  const kafka = await board.start(context.part('kafka', 'Kafka'), async () => {
    const port = await context.ports.take('kafka');
    const server = await startKafka({ tools, dataDir: home.kafka, port, ...context.life('kafka') });
    context.onStop(() => server.stop());
    return [{ ...context.facts(server, home.kafka), address: server.brokers.join(', ') }, server];
  });
  await board.step('topics', async () => {
    const topics = topicList().map(({ topic }) => ({
      name: topic,
      partitions: TOPIC_PARTITIONS,
      retentionMs: RETENTION_MS,
    }));
    const steps = await applyTopics(kafka, topics);
    const made = steps.filter(({ change }) => change === 'make').map(({ name }) => name);
    return [made.length > 0 ? `made ${made.join(', ')}` : `${topics.length}, as they were`, undefined];
  });
  return kafka;
}

async function startControlPlane(context: StackContext, tools: Pick<Tools, 'dapr'>) {
  const { home, board } = context;
  const sentry = await board.start(context.part('sentry', 'Dapr sentry'), async () => {
    const port = await context.ports.take('sentry');
    const server = await startSentry({ tools, dataDir: home.sentry, port, ...context.life('sentry') });
    context.onStop(() => server.stop());
    return [{ ...context.facts(server, tools.dapr.sentry), address: server.address }, server];
  });
  return { sentry, scheduler: await startJobs(context, sentry) };
}

async function startTraces(context: StackContext, tools: Pick<Tools, 'zipkin'>): Promise<ZipkinServer> {
  return context.board.start(context.part('zipkin', 'Zipkin'), async () => {
    const server = await startZipkin({ tools, port: await context.ports.take('zipkin'), ...context.life('zipkin') });
    context.onStop(() => server.stop());
    return [{ ...context.facts(server, tools.zipkin.jar), address: server.url }, server];
  });
}

/** No service needs Dapr Jobs to run, so a machine that cannot have the scheduler has a stack all the same. */
async function startJobs(context: StackContext, sentry: SentryServer): Promise<SchedulerServer | null> {
  const { home, board, signal } = context;
  const part = context.part('scheduler', 'Dapr scheduler');
  try {
    const tools = await ensureTools(['scheduler'], { onProgress: board.progress.show.bind(board.progress), signal });
    return await board.start(part, async () => {
      const port = await context.ports.take('scheduler');
      const server = await startScheduler({
        tools,
        dataDir: home.scheduler,
        port,
        sentry,
        ...context.life('scheduler'),
      });
      context.onStop(() => server.stop());
      return [{ ...context.facts(server, tools.scheduler.scheduler), address: server.address }, server];
    });
  } catch (error) {
    if (!isDomainError(error) || error.code !== 'tool_module_refused') throw error;
    board.absent(part, error.message, 'The stack runs without Dapr Jobs.');
    return null;
  }
}
