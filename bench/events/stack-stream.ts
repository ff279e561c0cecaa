import { Module } from '@nestjs/common';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { connect, type DatabaseOptions, execute, sql } from '@dsops/database';
import { PrismaClient as NotificationDatabase } from '@dsops/database/notification';
import { PrismaClient as RotationDatabase } from '@dsops/database/rotation';
import {
  DaprInboundModule,
  DaprTransport,
  INBOUND_EVENTS,
  MessagingModule,
  UNIT_OF_WORK,
  type Published,
  type Transport,
  type UnitOfWork,
} from '@dsops/messaging';
import { createLogger, HealthModule, HttpInvoker, startServiceApp } from '@dsops/platform';
import { freePort } from '@dsops/stack';
import type { Bench } from '../bench.js';
import { inLanes } from '../lanes.js';
import type { Command } from './contender.js';
import type { EffectReader } from './effects.js';
import { declaration, Effects } from './event-stream.js';
import type { DrawKey } from './keys.js';
import type { StackContender } from './stack-contender.js';
import type { StackServers } from './stack-servers.js';

@Module({})
class Producer {}
@Module({})
class Consumer {}

/** The sweep would bring what the gate holds back, and what is measured is the way through Kafka. */
const SWEEP = { everyMs: 3_600_000 };

/** Lets nothing out while it is shut, so that an outbox can fill up. */
class Gate implements Transport {
  private opening = Promise.withResolvers<void>();
  readonly subscribe: Transport['subscribe'];

  constructor(private readonly inner: Transport) {
    this.subscribe = inner.subscribe.bind(inner);
    this.opening.resolve();
  }

  shut(): void {
    this.opening = Promise.withResolvers();
  }

  open(): void {
    this.opening.resolve();
  }

  async publish(batch: readonly Published[]): ReturnType<Transport['publish']> {
    await this.opening.promise;
    return this.inner.publish(batch);
  }
}

/** Two services as processes have them, each with a sidecar; here they share one process, as the raw contenders do. */
export class StackStream {
  private commandsSoFar = 0;
  private commands: Command[] = [];

  private constructor(
    private readonly units: UnitOfWork,
    private readonly gate: Gate,
    private readonly reader: EffectReader,
    private readonly draw: DrawKey,
    private readonly lanes: number,
  ) {}

  static async start(
    bench: Bench,
    servers: StackServers,
    options: DatabaseOptions,
    { reader, draw, lanes }: { reader: EffectReader; draw: DrawKey; lanes: number },
  ): Promise<StackStream> {
    const logger = createLogger({ service: 'bench', level: 'error' });
    const environment = await servers.environment('ours-');
    const producing = connect(RotationDatabase, 'rotation', { ...options, poolSize: lanes + 4 });
    const consuming = connect(NotificationDatabase, 'notification', options);
    bench.onEnd(() => Promise.all([producing.$disconnect(), consuming.$disconnect()]));
    let producerUrl = '';
    const invoker = new HttpInvoker(() => producerUrl, servers.appToken);
    const token = servers.appToken;

    const open = async (appId: 'rotation' | 'notification') => {
      const httpPort = await freePort();
      const dapr = new DaprTransport({
        sidecarUrl: `http://127.0.0.1:${httpPort}`,
        apiToken: servers.apiToken,
        topicPrefix: environment.topicPrefix,
        logger,
      });
      const gate = new Gate(dapr);
      const isProducer = appId === 'rotation';
      const shared = { transport: gate, logger, declarations: [declaration], invoker, service: appId, sweep: SWEEP };
      const app = await startServiceApp(
        {
          module: isProducer ? Producer : Consumer,
          imports: [
            MessagingModule.forService({ ...shared, database: isProducer ? producing : consuming }),
            DaprInboundModule.forTransport(dapr),
            HealthModule.of([], logger),
          ],
          providers: isProducer ? [] : [Effects],
        },
        { logger, token, rawBodies: [INBOUND_EVENTS] },
      );
      if (isProducer) producerUrl = app.url;
      bench.onEnd(() => app.close());
      const appPort = Number(new URL(app.url).port);
      await environment.sidecar({ appId, appPort, appHealthPath: '/health/live', httpPort });
      return { app, gate };
    };
    const producer = await open('rotation');
    await open('notification');
    return new StackStream(producer.app.app.get<UnitOfWork>(UNIT_OF_WORK), producer.gate, reader, draw, lanes);
  }

  /** From the first command to the last effect: each command is a transaction, each effect is in another one. */
  get fromTheCommand(): StackContender {
    return {
      name: 'dsops events, from the command',
      run: async (count) => {
        await this.reader.clear();
        const startedMs = performance.now();
        const done = this.reader.untilCount(count);
        await this.say(count);
        await done;
        return performance.now() - startedMs;
      },
      problems: () => this.reader.problems('dsops events', this.commands),
    };
  }

  /** The commands have been committed before: from a full outbox to the last effect. */
  get fromTheOutbox(): StackContender {
    return {
      name: 'dsops events, from the outbox',
      run: async (count) => {
        await this.reader.clear();
        this.gate.shut();
        await this.say(count);
        const startedMs = performance.now();
        this.gate.open();
        await this.reader.untilCount(count);
        return performance.now() - startedMs;
      },
      problems: () => this.reader.problems('dsops events', this.commands),
    };
  }

  /** One transaction that says an event for each. */
  sayTogether(commands: readonly Command[]): Promise<void> {
    return this.units.run(async (unit) => {
      await execute(
        unit.tx,
        sql`insert into bench_commands (id) select * from unnest(${commands.map(({ id }) => id)}::text[])`,
      );
      for (const { id, key } of commands) unit.emit(eventOf(id, key));
    });
  }

  private async say(count: number): Promise<void> {
    this.commands = Array.from({ length: count }, () => ({
      id: `c${this.commandsSoFar++}`,
      key: this.draw(Math.random()),
    }));
    await inLanes(this.lanes, this.commands, ({ id, key }) =>
      this.units.run(async (unit) => {
        await execute(unit.tx, sql`insert into bench_commands (id) values (${id})`);
        unit.emit(eventOf(id, key));
      }),
    );
  }
}

const eventOf = (id: string, key: string) => ({
  event: rotationStarted,
  key,
  subject: `rotation/${id}`,
  data: { ...rotationStarted.example, reason: id },
});
