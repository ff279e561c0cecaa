import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { z } from 'zod';
import { execute, queryOne, sql } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { MasterKey, newKeyBytes } from '@dsops/sealing';
import { DomainError, Secret, type Clock } from '@dsops/kernel';
import type { Transport } from '@dsops/messaging';
import { createLogger, HttpInvoker, TOKEN_HEADER, Trouble, type Logger } from '@dsops/platform';
import { createTestDatabase, FakeClock, type TestDatabase } from '@dsops/testing';
import { CLOCK, DATABASE, defineService, hostService, LOGGER, TOKEN, type Surroundings } from '../src/index.js';

const silent: Transport = {
  publish: async () => ({ refused: [] }),
  subscribe: async () => ({ stop: async () => undefined }),
};

@Injectable()
class Farewell implements OnApplicationShutdown {
  lastWords = '';

  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  async onApplicationShutdown(): Promise<void> {
    await pause(50);
    this.lastWords = (await queryOne<{ user: string }>(this.database, sql`select current_user as user`)).user;
  }
}

@Controller('about')
class About {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(TOKEN) private readonly token: Secret,
    @Inject('greeting') private readonly greeting: string,
    @Inject(DATABASE) private readonly db: PrismaClient,
  ) {}

  @Get('database')
  database() {
    return queryOne(this.db, sql`select current_database() as name`);
  }

  /** As PostgreSQL says it, through the driver. */
  @Get('full')
  full() {
    return execute(
      this.db,
      sql`do $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$`,
    );
  }

  @Get()
  about() {
    return { now: this.clock.now(), greeting: this.greeting, log: this.logger.level, token: String(this.token) };
  }
}

describe('a service that is hosted', () => {
  let home: TestDatabase;
  let surroundings: Surroundings;

  beforeAll(async () => {
    home = await createTestDatabase();
    surroundings = {
      database: home.options,
      transport: silent,
      invoker: new HttpInvoker(() => 'http://127.0.0.1:1', 'none'),
      clock: new FakeClock(),
      logger: createLogger({ service: 'rotation', level: 'silent' }),
      token: new Secret('token-of-this-spec'),
      key: new MasterKey(newKeyBytes()).serviceKey('rotation'),
    };
  });
  afterAll(() => home.drop());

  const aService = () =>
    defineService({
      name: 'rotation',
      database: PrismaClient,
      config: { GREETING: z.string() },
      controllers: [About],
      providers: ({ own }) => [{ provide: 'greeting', useValue: own.GREETING }, Farewell],
    });
  const own = { GREETING: 'good morning' };

  it('gets what was chosen around it and what it is configured with, and asks callers for the token', async () => {
    const service = await hostService(aService(), surroundings, { own });
    expect((await fetch(`${service.url}/about`)).status).toBe(401);
    const response = await fetch(`${service.url}/about`, { headers: { [TOKEN_HEADER]: 'token-of-this-spec' } });
    expect(await response.json()).toEqual({
      now: surroundings.clock!.now().toISOString(),
      greeting: 'good morning',
      log: 'silent',
      token: String(surroundings.token),
    });
    expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
    await service.close();
  });

  const readinessOf = async (over: Partial<Surroundings>) => {
    const service = await hostService(aService(), { ...surroundings, ...over }, { own });
    try {
      const response = await fetch(`${service.url}/health/ready`);
      const { details } = (await response.json()) as { details: Record<string, object> };
      return { status: response.status, details };
    } finally {
      await service.close();
    }
  };

  it('is not ready on a server that may lose what it has answered, and says what to do there', async () => {
    // The server of the tests runs with fsync = off.
    const { status, details } = await readinessOf({ database: { ...home.options, isThrowaway: false } });
    expect(status).toBe(503);
    expect(details).toMatchObject({
      database: {
        status: 'down',
        level: 'error',
        code: 'database_not_durable',
        message: expect.stringContaining('fsync = off'),
        remedy: expect.stringContaining("ALTER SYSTEM SET fsync = 'on'"),
      },
    });
  });

  it('is not ready without what its program stands on, and ready with what is merely not as it should be', async () => {
    const gone = {
      name: 'supervisor',
      check: () => Promise.reject(new DomainError('postgres_unwatched', 'unavailable', 'It was killed.')),
    };
    expect(await readinessOf({ dependencies: [gone] })).toMatchObject({
      status: 503,
      details: { supervisor: { status: 'down', code: 'postgres_unwatched', message: 'It was killed.' } },
    });
    const low = { name: 'disk', check: async () => new Trouble('disk_low', 'Little is free.', 'Make room.') };
    expect(await readinessOf({ dependencies: [low] })).toMatchObject({
      status: 200,
      details: { disk: { status: 'up', level: 'warning', code: 'disk_low', remedy: 'Make room.' } },
    });
  });

  it('says that its database is gone, as not ready and as 503 with its own words and a time to come again', async () => {
    const lost = await createTestDatabase();
    const service = await hostService(aService(), { ...surroundings, database: lost.options }, { own });
    await lost.drop();
    expect(await (await fetch(`${service.url}/health/ready`)).json()).toMatchObject({
      details: { database: { code: 'database_unavailable' } },
    });
    const refused = await fetch(`${service.url}/about/database`, { headers: { [TOKEN_HEADER]: 'token-of-this-spec' } });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'database_unavailable', about: 'database' });
    await service.close();
  });

  it('says that the disk of its database is full', async () => {
    const service = await hostService(aService(), surroundings, { own });
    const refused = await fetch(`${service.url}/about/full`, { headers: { [TOKEN_HEADER]: 'token-of-this-spec' } });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'database_full', detail: expect.stringContaining('full') });
    await service.close();
  });

  it('leaves its database last', async () => {
    const service = await hostService(aService(), surroundings, { own });
    const farewell = service.app.get(Farewell);
    await service.close();
    expect(farewell.lastWords).toBe('dsops_rotation');
  });

  it('is closed again when the last of its start fails', async () => {
    let url = '';
    const fails = defineService({
      name: 'rotation',
      database: PrismaClient,
      controllers: [],
      providers: [],
      started: async (app) => {
        const server = app as unknown as { getUrl(): Promise<string> };
        url = await server.getUrl();
        throw new Error('no admin key');
      },
    });
    await expect(hostService(fails, surroundings)).rejects.toThrow('no admin key');
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  });

  it('does not start when it handles less than is declared for it', async () => {
    const deaf = defineService({ name: 'audit', database: PrismaClient, controllers: [], providers: [] });
    await expect(hostService(deaf, surroundings)).rejects.toMatchObject({ code: 'handlers_differ' });
  });
});
