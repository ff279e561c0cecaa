import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, Module, type DynamicModule } from '@nestjs/common';
import pg from 'pg';
import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import type { EventData } from '@dsops/contracts/define-event';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { deadLetterSchema, deadLetterViewSchema } from '@dsops/contracts/gateway/api';
import { pageOf } from '@dsops/contracts/page';
import { rotationFailed, rotationStarted } from '@dsops/contracts/rotation/events';
import { connect, type Database, execute, sql } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { newId, Secret } from '@dsops/kernel';
import { createLogger, HttpInvoker, startServiceApp, TOKEN_HEADER, type ServiceApp } from '@dsops/platform';
import { createTestDatabase, eventually, type TestDatabase } from '@dsops/testing';
import {
  EmbeddedTransport,
  EventConsumer,
  Handles,
  MessagingModule,
  MessagingRuntime,
  UNIT_OF_WORK,
  type MessagingOptions,
  type Unit,
  type UnitOfWork,
} from '../src/index.js';
import { eventsAnswerSchema, headsAnswerSchema } from '../src/completeness/heads.js';

const listener: ConsumerDeclaration = {
  name: 'listener',
  service: 'notification',
  topics: ['rotation-events'],
  handles: [rotationStarted],
  retryDelaysMs: [50],
  deadLetter: 'blocks',
  isOrderFree: false,
};

let isPoisonous = false;

@EventConsumer('listener')
class Listener {
  @Handles(rotationStarted)
  async note(event: EventEnvelope<EventData<typeof rotationStarted>>, unit: Unit): Promise<void> {
    await execute(unit.tx, sql`insert into heard (event_id, seq) values (${event.id}, ${Number(event.sequence)})`);
    if (isPoisonous) throw new Error('poison');
  }
}

@Injectable()
class Rotations {
  constructor(@Inject(UNIT_OF_WORK) private readonly work: UnitOfWork) {}

  start(serviceId: string): Promise<void> {
    return this.work.run(async (unit) => {
      unit.emit({
        event: rotationStarted,
        key: serviceId,
        subject: `rotation/${newId()}`,
        data: { ...rotationStarted.example, serviceId },
      });
    });
  }
}

@Module({})
class TestService {
  static of(options: MessagingOptions, providers: NonNullable<DynamicModule['providers']>): DynamicModule {
    return { module: TestService, imports: [MessagingModule.forService(options)], providers };
  }
}

const logger = createLogger({ service: 'test', level: 'fatal' });

describe('messaging in a service', () => {
  let db: TestDatabase;
  let admin: pg.Client;
  let transport: EmbeddedTransport;
  let rotations: Rotations;
  let messaging: MessagingRuntime;
  const databases: Database[] = [];
  const apps: ServiceApp[] = [];
  const urls: Record<string, string> = {};

  const databaseOf = (schema: 'rotation' | 'notification'): Database => {
    const database = connect(PrismaClient, schema, db.options) as unknown as Database;
    databases.push(database);
    return database;
  };
  const options = (service: 'rotation' | 'notification'): MessagingOptions => ({
    service,
    database: databaseOf(service),
    transport,
    logger,
    invoker: new HttpInvoker((name) => urls[name] ?? 'http://127.0.0.1:1', 'token'),
    declarations: [listener],
  });
  const start = async (service: 'rotation' | 'notification', providers: NonNullable<DynamicModule['providers']>) => {
    const app = await startServiceApp(TestService.of(options(service), providers), { logger, token: 'token' });
    urls[service] = app.url;
    apps.push(app);
    return app;
  };

  beforeAll(async () => {
    db = await createTestDatabase();
    admin = new pg.Client({ connectionString: db.adminUrl });
    await admin.connect();
    await admin.query(
      'create table notification.heard (event_id text primary key, seq int); grant all on notification.heard to dsops_notification',
    );
    transport = new EmbeddedTransport({ ...db.options, logger });
    rotations = (await start('rotation', [Rotations])).app.get(Rotations);
    messaging = (await start('notification', [Listener])).app.get(MessagingRuntime);
  });
  afterAll(async () => {
    for (const app of apps) await app.close();
    await transport.close();
    for (const database of databases) await database.$disconnect();
    await admin.end();
    await db.drop();
  });

  it('carries what a unit says to the handlers of another service, once and in order', async () => {
    const serviceId = newId();
    for (let n = 0; n < 20; n += 1) await rotations.start(serviceId);
    await eventually(async () => {
      const { rows } = await admin.query<{ seq: number }>('select seq from notification.heard order by event_id');
      expect(rows.map((row) => row.seq)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    });
  });

  it('shows dead letters, and replays them', async () => {
    const at = urls.notification!;
    const call = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(`${at}${path}`, { ...init, headers: { [TOKEN_HEADER]: 'token' } });
      return { status: answer.status, body: await answer.json() };
    };
    isPoisonous = true;
    const serviceId = newId();
    await rotations.start(serviceId);
    const [letter] = await eventually(async () => {
      const page = pageOf(deadLetterViewSchema).parse((await call('/internal/dead-letters')).body);
      expect(page.items).toHaveLength(1);
      return page.items;
    });
    expect(await messaging.figures()).toMatchObject({
      openDeadLetters: { listener: 1 },
      parked: { listener: 1 },
      unsent: 0,
    });
    expect(letter).toMatchObject({
      owner: 'notification',
      consumer: 'listener',
      key: serviceId,
      blocksKey: true,
      attempts: 2,
    });
    const shown = deadLetterSchema.parse((await call(`/internal/dead-letters/${letter!.id}`)).body);
    expect(shown.event).toMatchObject({ id: letter!.eventId, type: rotationStarted.type });
    const replay = () => call(`/internal/dead-letters/${letter!.id}/replay`, { method: 'POST' });
    expect(await replay()).toMatchObject({ status: 409, body: { code: 'dead_letter_failed_again' } });
    isPoisonous = false;
    expect(await replay()).toMatchObject({ status: 200, body: { status: 'replayed' } });
    expect((await call('/internal/dead-letters?status=replayed')).body).toMatchObject({
      items: [{ id: letter!.id }],
      next: null,
    });
    expect((await call('/internal/dead-letters?limit=none')).status).toBe(400);
    expect((await call(`/internal/dead-letters/${newId()}`)).body).toMatchObject({ code: 'dead_letter_not_found' });
  });

  it('tells other services its heads and events, and nobody else', async () => {
    const ask = (path: string, token: string, init: RequestInit = {}) =>
      fetch(`${urls.rotation}${path}`, {
        ...init,
        headers: { [TOKEN_HEADER]: token, 'content-type': 'application/json' },
      });
    const body = JSON.stringify({ consumer: 'tester', topics: ['rotation-events'], cursors: [] });
    const heads = headsAnswerSchema.parse(
      await (await ask('/internal/events/heads', 'token', { method: 'POST', body })).json(),
    );
    const [head] = heads.heads;
    const query = new URLSearchParams({ topic: head!.topic, key: head!.key, after: '0' }).toString();
    const { events } = eventsAnswerSchema.parse(await (await ask(`/internal/events?${query}`, 'token')).json());
    expect(events.at(-1)?.sequence).toBe(head!.sequence);
    expect((await ask('/internal/events/heads', 'guess', { method: 'POST', body })).status).toBe(401);
    expect((await ask('/internal/events/heads', 'token', { method: 'POST', body: '{}' })).status).toBe(400);
    expect((await ask('/internal/events/consumers/tester/retire', 'token', { method: 'POST' })).status).toBe(200);
    expect((await ask('/internal/events/consumers/nobody/retire', 'token', { method: 'POST' })).status).toBe(404);
  });

  it('hides its internal routes where the port itself asks for no token', async () => {
    const guarded = await startServiceApp(
      MessagingModule.forService({ ...options('rotation'), internalToken: new Secret('inner') }),
      { logger },
    );
    apps.push(guarded);
    const ask = (headers: Record<string, string>) => fetch(`${guarded.url}/internal/dead-letters`, { headers });
    expect((await ask({})).status).toBe(404);
    expect((await ask({ [TOKEN_HEADER]: 'inner' })).status).toBe(200);
    expect(() => MessagingModule.forService({ ...options('rotation'), service: 'gateway' })).toThrow('internal routes');
  });

  it('refuses to start when handlers and declarations differ', async () => {
    @EventConsumer('listener')
    class Wrong {
      @Handles(rotationFailed)
      async note(): Promise<void> {}
    }
    await expect(startServiceApp(TestService.of(options('notification'), [Wrong]), { logger })).rejects.toThrow(
      'listener declares dsops.rotation.rotation.started.v1 and has no handler for it; listener handles dsops.rotation.rotation.failed.v1, which it does not declare',
    );
  });
});
