import { Module } from '@nestjs/common';
import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import type { EventData } from '@dsops/contracts/define-event';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { connect, type DatabaseOptions, execute, sql, type SqlExecutor } from '@dsops/database';
import { PrismaClient as NotificationDatabase } from '@dsops/database/notification';
import { PrismaClient as RotationDatabase } from '@dsops/database/rotation';
import {
  EmbeddedTransport,
  EventConsumer,
  HandlesTogether,
  MessagingModule,
  UNIT_OF_WORK,
  type UnitOfWork,
} from '@dsops/messaging';
import { createLogger, HttpInvoker, startServiceApp } from '@dsops/platform';
import type { Bench } from '../bench.js';
import { newToken } from '../service-client.js';
import type { Command, Contender } from './contender.js';
import type { EffectReader } from './effects.js';

export const declaration: ConsumerDeclaration = {
  name: 'bench',
  service: 'notification',
  topics: ['rotation-events'],
  handles: [rotationStarted],
  retryDelaysMs: [],
  deadLetter: 'blocks',
  isOrderFree: false,
};

@EventConsumer('bench')
export class Effects {
  @HandlesTogether(rotationStarted)
  async write(events: readonly EventEnvelope<EventData<typeof rotationStarted>>[], tx: SqlExecutor): Promise<void> {
    await execute(
      tx,
      sql`insert into bench_effects (command, key, sequence, said_at)
       select * from unnest(
         ${events.map(({ data }) => data.reason)}::text[],
         ${events.map(({ partitionkey }) => partitionkey)}::text[],
         ${events.map(({ sequence }) => sequence)}::text[]::bigint[],
         ${events.map(({ time }) => time)}::text[]::timestamptz[]
       )`,
    );
  }
}

@Module({})
class Producer {}
@Module({})
class Consumer {}

/** Two services as the embedded way of running hosts them: outbox, relay, deliveries, and a consumer with its cursors. */
export class EventStream implements Contender {
  readonly name = 'dsops events';
  readonly share = 1;

  private constructor(
    private readonly units: UnitOfWork,
    private readonly reader: EffectReader,
  ) {}

  /** @param lanes commands at the same time */
  static async start(
    bench: Bench,
    options: DatabaseOptions,
    reader: EffectReader,
    lanes: number,
  ): Promise<EventStream> {
    const logger = createLogger({ service: 'bench', level: 'warn' });
    const token = newToken();
    const transport = new EmbeddedTransport({ ...options, logger });
    bench.onEnd(() => transport.close());
    const producing = connect(RotationDatabase, 'rotation', { ...options, poolSize: lanes + 4 });
    const consuming = connect(NotificationDatabase, 'notification', options);
    bench.onEnd(() => Promise.all([producing.$disconnect(), consuming.$disconnect()]));

    let producerUrl = '';
    const shared = {
      transport,
      logger,
      declarations: [declaration],
      invoker: new HttpInvoker(() => producerUrl, token),
    };
    const producer = await startServiceApp(
      {
        module: Producer,
        imports: [MessagingModule.forService({ ...shared, service: 'rotation', database: producing })],
      },
      { logger, token },
    );
    producerUrl = producer.url;
    bench.onEnd(() => producer.close());
    const consumer = await startServiceApp(
      {
        module: Consumer,
        imports: [MessagingModule.forService({ ...shared, service: 'notification', database: consuming })],
        providers: [Effects],
      },
      { logger, token },
    );
    bench.onEnd(() => consumer.close());
    return new EventStream(producer.app.get<UnitOfWork>(UNIT_OF_WORK), reader);
  }

  begin(): Promise<void> {
    return this.reader.clear();
  }

  command({ id, key }: Command): Promise<void> {
    return this.units.run(async (unit) => {
      await execute(unit.tx, sql`insert into bench_commands (id) values (${id})`);
      unit.emit({
        event: rotationStarted,
        key,
        subject: `rotation/${id}`,
        data: { ...rotationStarted.example, reason: id },
      });
    });
  }

  untilEffects(count: number): Promise<void> {
    return this.reader.untilCount(count);
  }

  problems(commands: readonly Command[]): Promise<string[]> {
    return this.reader.problems(this.name, commands);
  }

  async end(): Promise<void> {
    // It stays up for the next run, as a service does.
  }
}
