import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type pg from 'pg';
import { eventually } from '@dsops/testing';
import type { Login, TargetSession } from '../driver.js';
import { PostgresqlDriver } from './postgresql.driver.js';
import { generatePassword } from '../kit/password.js';
import {
  aLogin,
  asked,
  aSlot,
  LIMITS,
  type PostgresqlWorld,
  startPostgresqlWorld,
} from './postgresql-world.fixture.js';

const SELECT_1 = { check: { query: 'SELECT 1' }, timeoutMs: 1_500 };

describe('Sessions of the PostgreSQL driver', () => {
  let world: PostgresqlWorld;
  let patient: PostgresqlDriver;
  beforeAll(async () => {
    world = await startPostgresqlWorld();
    // Gives up on the answer long before the server gives up on the lock.
    patient = new PostgresqlDriver({
      limits: { ...LIMITS, lockTimeoutMs: 60_000, statementTimeoutMs: 60_000, answerTimeoutMs: 300 },
    });
  }, 60_000);
  beforeEach(() => world.reset());
  afterAll(() => world?.close());

  const open = (driver = world.driver) =>
    driver.openSession({ target: world.target, admin: world.admin }, '01TESTROTATION');
  const end = ({ identity }: TargetSession) =>
    world.driver.endSession({ target: world.target, admin: world.admin }, identity);
  /** A transaction that somebody left open after it changed the slot. */
  async function holdSlot(slot: string): Promise<pg.Client> {
    const holder = await world.connect('superuser');
    await holder.query('BEGIN');
    await holder.query(`ALTER ROLE ${slot} CONNECTION LIMIT 50`);
    return holder;
  }
  const pids = async () =>
    (await world.asSuperuser<{ pid: number }>(`SELECT pid FROM pg_stat_activity WHERE usename = 'shop_admin'`)).map(
      ({ pid }) => pid,
    );

  describe('stuck behind a lock', () => {
    async function abandon(login: Login): Promise<{ session: TargetSession; holder: pg.Client }> {
      const holder = await holdSlot(login.username);
      const session = await open(patient);
      expect((await session.set(aSlot(login.username), login.password)).kind).toBe('lost');
      return { session, holder };
    }
    const isWaiting = async ({ identity }: TargetSession) =>
      (await world.asSuperuser(`SELECT 1 FROM pg_locks WHERE NOT granted AND pid = ${identity.pid}`)).length === 1;

    it('an abandoned command lands as soon as the lock is free, when nobody ends it', async () => {
      const login = aLogin('shop_a');
      const { session, holder } = await abandon(login);
      expect(await isWaiting(session)).toBe(true);
      expect(await world.canLogIn(login)).toBe(false);
      await holder.query('ROLLBACK');
      await eventually(async () => expect(await world.canLogIn(login)).toBe(true));
      await holder.end();
    });

    it('an abandoned command lands no more once its session was ended', async () => {
      const login = aLogin('shop_a');
      const { session, holder } = await abandon(login);
      expect(await isWaiting(session)).toBe(true);
      expect(await end(session)).toBe('ended');
      expect(await pids()).toEqual([]);
      await holder.query('ROLLBACK');
      await holder.end();
      const next = aLogin('shop_a');
      const later = await open();
      expect(await later.set(aSlot(next.username), next.password)).toEqual({ kind: 'applied' });
      await later.close();
      expect([await world.canLogIn(login), await world.canLogIn(next)]).toEqual([false, true]);
    });

    it('a command gives up by itself, and nothing has changed', async () => {
      const holder = await holdSlot('shop_a');
      const login = aLogin('shop_a');
      const session = await open();
      expect(await session.set(aSlot(login.username), login.password)).toMatchObject({
        kind: 'refused',
        code: 'target_busy',
      });
      await session.close();
      await holder.query('ROLLBACK');
      await holder.end();
      expect(await world.canLogIn(login)).toBe(false);
    });
  });

  describe('a slot that must be idle', () => {
    const idle = { isIdle: true };

    it('gets its value and may log in, when nobody could', async () => {
      const login = aLogin('shop_a');
      const session = await open();
      expect(await session.set(aSlot(login.username), login.password, idle)).toEqual({ kind: 'applied' });
      await session.close();
      expect(await world.canLogIn(login)).toBe(true);
    });

    it('is left as it is when somebody has taken it', async () => {
      const taken = aLogin('shop_a');
      const first = await open();
      await first.set(aSlot(taken.username), taken.password);
      await first.close();
      const session = await open();
      expect(await session.set(aSlot('shop_a'), generatePassword(), idle)).toMatchObject({
        kind: 'refused',
        code: 'slot_taken',
      });
      await session.close();
      expect(await world.canLogIn(taken)).toBe(true);
    });

    it('is looked at under its lock: who took it a moment before is seen', async () => {
      const holder = await world.connect('superuser');
      await holder.query('BEGIN');
      await holder.query('ALTER ROLE shop_a LOGIN');
      const session = await open(patient);
      const setting = session.set(aSlot('shop_a'), generatePassword(), idle);
      await eventually(async () =>
        expect(
          await world.asSuperuser(`SELECT 1 FROM pg_locks WHERE NOT granted AND pid = ${session.identity.pid}`),
        ).toHaveLength(1),
      );
      await holder.query('COMMIT');
      await holder.end();
      expect((await setting).kind).not.toBe('applied');
      await session.close();
    });
  });

  describe('ending', () => {
    it('spares a process that has the same number and another beginning', async () => {
      const session = await open();
      const former = { ...session.identity, backendStart: '2020-01-01T00:00:00.000000Z' };
      expect(await world.driver.endSession({ target: world.target, admin: world.admin }, former)).toBe('ended');
      expect(await session.set(aSlot('shop_a'), generatePassword())).toEqual({ kind: 'applied' });
      await session.close();
    });

    it('does not take for gone what it may not see', async () => {
      const stranger = await world.driver.openSession(
        { target: world.target, admin: world.superuser },
        '01TESTROTATION',
      );
      await expect(end(stranger)).rejects.toMatchObject({ code: 'missing_right' });
      expect(await stranger.set(aSlot('shop_a'), generatePassword())).toEqual({ kind: 'applied' });
      await stranger.close();
    });

    it('knows another server behind the same address', async () => {
      const session = await open();
      const elsewhere = { ...session.identity, systemIdentifier: '1' };
      await expect(
        world.driver.endSession({ target: world.target, admin: world.admin }, elsewhere),
      ).rejects.toMatchObject({
        code: 'target_replaced',
      });
      await session.close();
    });

    it('does not say ended when the target cannot be asked', async () => {
      const session = await open();
      await world.proxy.refuse();
      await expect(end(session)).rejects.toMatchObject({ code: 'target_unreachable' });
      await world.proxy.reopen();
      expect(await end(session)).toBe('ended');
    });

    it('counts a restart of the server as an end', async () => {
      const session = await open();
      await world.restart();
      expect(await end(session)).toBe('ended');
      await expect(session.set(aSlot('shop_a'), generatePassword())).rejects.toMatchObject({ code: 'session_ended' });
    }, 20_000);
  });

  describe('a server without room', () => {
    it('is errored for a probe and target_busy for a session', async () => {
      const login = aLogin('shop_a');
      const session = await open();
      await session.set(aSlot(login.username), login.password);
      await session.close();
      await world.asSuperuser('ALTER ROLE shop_a CONNECTION LIMIT 1', 'ALTER ROLE shop_admin CONNECTION LIMIT 0');
      const held = await world.holdSession(login);
      expect(await world.driver.probe(world.target, login, SELECT_1)).toMatchObject({ verdict: 'errored' });
      await expect(open()).rejects.toMatchObject({ code: 'target_busy', kind: 'unavailable' });
      await world.asSuperuser('ALTER ROLE shop_a CONNECTION LIMIT -1', 'ALTER ROLE shop_admin CONNECTION LIMIT -1');
      await held.close();
    });
  });

  describe('probes that prove nothing', () => {
    it('a value that is right for a role that somebody shut', async () => {
      const login = aLogin('shop_a');
      const session = await open();
      await session.set(aSlot(login.username), login.password);
      await session.close();
      await world.asSuperuser('ALTER ROLE shop_a NOLOGIN');
      expect((await world.driver.probe(world.target, login, SELECT_1)).verdict).toBe('inconclusive');
    });

    it('a role that gets in without a password', async () => {
      await world.asSuperuser('CREATE ROLE anybody LOGIN');
      expect((await world.driver.probe(world.target, aLogin('anybody'), SELECT_1)).verdict).toBe('inconclusive');
    });

    it('a role that pg_hba.conf shuts out', async () => {
      await world.asSuperuser('CREATE ROLE shut_out LOGIN');
      expect((await world.driver.probe(world.target, aLogin('shut_out'), SELECT_1)).verdict).toBe('errored');
    });

    it('a verification that takes too long', async () => {
      const login = aLogin('shop_a');
      const session = await open();
      await session.set(aSlot(login.username), login.password);
      await session.close();
      const probe = await world.driver.probe(world.target, login, {
        check: { query: 'SELECT pg_sleep(9)' },
        timeoutMs: 300,
      });
      expect(probe).toMatchObject({ verdict: 'errored' });
      expect(probe.durationMs).toBeLessThan(1_000);
    });
  });

  describe('what stands between', () => {
    const servers: Server[] = [];
    const sockets: Socket[] = [];
    afterEach(() => {
      for (const server of servers.splice(0)) server.close();
      for (const socket of sockets.splice(0)) socket.destroy();
    });
    async function standBetween(serve: (client: Socket) => void) {
      const server = createServer((client) => {
        sockets.push(client.on('error', () => undefined));
        serve(client);
      });
      servers.push(server.listen(0, '127.0.0.1'));
      await once(server, 'listening');
      return { ...world.target, port: (server.address() as AddressInfo).port };
    }

    it('refuses a pooler, which is known by the number of the process', async () => {
      // A pooler answers the login itself: it names a process of its own. Here one byte of that number is changed.
      const target = await standBetween((client) => {
        const upstream = world.rawSocket();
        sockets.push(upstream.on('error', () => undefined));
        client.pipe(upstream);
        upstream.on('data', (chunk: Buffer) => {
          const at = chunk.indexOf(Buffer.from([0x4b, 0, 0, 0])); // BackendKeyData
          if (at >= 0) chunk[at + 8]! ^= 0x55;
          client.write(chunk);
        });
      });
      await expect(world.driver.openSession({ target, admin: world.admin }, '01TESTROTATION')).rejects.toMatchObject({
        code: 'target_pooled',
      });
      const { findings } = await world.driver.inspect(
        { target, admin: world.admin },
        asked({
          shape: 'in-place',
          slots: ['shop_a'],
          owner: null,
          inUse: null,
        }),
      );
      expect(findings).toMatchObject([{ check: 'target-reachable', level: 'error' }]);
    });

    it('says that something else answers, when it does not speak as PostgreSQL does', async () => {
      const target = await standBetween((client) => void client.once('data', () => client.end('HTTP/1.1 400\r\n\r\n')));
      await expect(world.driver.openSession({ target, admin: world.admin }, '01TESTROTATION')).rejects.toMatchObject({
        code: expect.stringMatching(/^target_/),
        kind: expect.stringMatching(/unavailable|conflict/),
      });
    });
  });
});
