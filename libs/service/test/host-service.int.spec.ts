import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { z } from 'zod';
import { queryOne, sql } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { MasterKey, newKeyBytes } from '@dsops/sealing';
import { Secret, type Clock } from '@dsops/kernel';
import type { Transport } from '@dsops/messaging';
import { createLogger, HttpInvoker, TOKEN_HEADER, type Logger } from '@dsops/platform';
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
  ) {}

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
