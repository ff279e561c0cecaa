import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Actor } from '@dsops/contracts/principal';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { connect, execute, sql } from '@dsops/database';
import { PrismaClient } from '@dsops/database/audit';
import { newId, unwrapSecret } from '@dsops/kernel';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import { LogRepository } from './log.repository.js';
import { LogService } from './log.service.js';

const ada: Actor = { kind: 'user', id: 'user-ada', name: 'Ada' };
const bo: Actor = { kind: 'api_key', id: 'key-bo', name: 'Bo' };

interface Happening {
  type?: string;
  subject?: string;
  time?: string;
  actor?: Actor;
  data?: Record<string, unknown>;
}

function anEvent(happening: Happening = {}): EventEnvelope<{ actor: Actor }> {
  return {
    specversion: '1.0',
    id: newId(),
    source: '/dsops/rotation',
    type: happening.type ?? 'dsops.rotation.rotation.started.v1',
    subject: happening.subject ?? 'rotation/R1',
    time: happening.time ?? '2026-11-21T12:00:00.000Z',
    datacontenttype: 'application/json',
    partitionkey: 'S1',
    sequence: '1',
    epoch: 1,
    data: { ...happening.data, actor: happening.actor ?? ada },
  };
}

describe('the log on PostgreSQL', () => {
  let home: TestDatabase;
  let database: PrismaClient;
  let log: LogService;
  let admin: pg.Client;
  let service: pg.Client;

  const record = (happening?: Happening) => database.$transaction((tx) => log.record([anEvent(happening)], tx));
  const asOwner = async (statement: string) => {
    await admin.query('set role dsops_audit_owner');
    try {
      return await admin.query(statement);
    } finally {
      await admin.query('reset role');
    }
  };

  beforeAll(async () => {
    home = await createTestDatabase();
    database = connect(PrismaClient, 'audit', home.options);
    log = new LogService(new LogRepository(database), null);
    admin = new pg.Client({ connectionString: home.adminUrl });
    const { host, port, database: name, password } = home.options;
    service = new pg.Client({ host, port, database: name, user: 'dsops_audit', password: unwrapSecret(password) });
    await Promise.all([admin.connect(), service.connect()]);
  });

  afterAll(async () => {
    await Promise.all([admin.end(), service.end(), database.$disconnect()]);
    await home.drop();
  });

  it('says that an empty chain is whole', async () => {
    await expect(log.verify()).resolves.toMatchObject({ entries: 0, head: null, firstBroken: null });
  });

  it('gives back exactly what was hashed, whatever JSON can hold', async () => {
    const data = {
      text: 'zero \u0000, half \ud800, line \u2028, "quotes" \\ ü 🔑',
      numbers: [0.1, -0, 1e21, 5e-324, 1.7976931348623157e308, 9007199254740991],
      nested: { z: [null, true, {}], a: { '': [] } },
    };
    await record({ data });
    const { items } = await log.list({}, { limit: 1 });
    expect(items[0]?.details).toEqual({
      ...data,
      text: data.text.replace('\ud800', '\ufffd'),
      numbers: [0.1, 0, ...data.numbers.slice(2)],
    });
    await expect(log.verify()).resolves.toMatchObject({ entries: 1, head: items[0]?.hash, firstBroken: null });
  });

  it('keeps one gapless chain when many append at once', async () => {
    const before = (await log.verify()).entries;
    await Promise.all(Array.from({ length: 40 }, () => record()));
    const report = await log.verify();
    expect(report).toMatchObject({ entries: before + 40, firstBroken: null });
  });

  it('leaves no gap where a transaction was rolled back', async () => {
    const before = await log.verify();
    await expect(
      database.$transaction(async (tx) => {
        await log.record([anEvent()], tx);
        throw new Error('the batch fails');
      }),
    ).rejects.toThrow('the batch fails');
    expect(await log.verify()).toEqual(before);
    await record();
    expect((await log.verify()).firstBroken).toBeNull();
  });

  it('goes on from the right place when a savepoint takes an entry back within a batch', async () => {
    const { entries } = await log.verify();
    await database.$transaction(async (tx) => {
      const twice = anEvent();
      await log.record([twice], tx);
      await execute(tx, sql`savepoint event`);
      await expect(log.record([twice], tx)).rejects.toThrow();
      await execute(tx, sql`rollback to savepoint event`);
      await log.record([anEvent()], tx);
      await log.record([anEvent()], tx);
    });
    expect(await log.verify()).toMatchObject({ entries: entries + 3, firstBroken: null });
  });

  it('refuses an event that is in it already', async () => {
    const event = anEvent();
    await database.$transaction((tx) => log.record([event], tx));
    await expect(database.$transaction((tx) => log.record([event], tx))).rejects.toThrow();
    expect((await log.verify()).firstBroken).toBeNull();
  });

  describe('only grows', () => {
    const changes = [
      `update audit.entries set actor_name = 'Eve'`,
      `update audit.entries set actor_name = 'Eve' where false`,
      'delete from audit.entries',
      'truncate audit.entries cascade',
      `update audit.entry_entities set id = 'elsewhere'`,
      'delete from audit.entry_entities',
      'truncate audit.entry_entities',
      'delete from audit.chain_head',
      'truncate audit.chain_head',
    ];

    it.each([...changes, 'update audit.chain_head set position = 0'])('the service may not: %s', async (statement) => {
      await expect(service.query(statement)).rejects.toMatchObject({
        code: '42501',
        message: expect.stringContaining('permission denied'),
      });
    });

    it.each(changes)('the owner of the tables is refused: %s', async (statement) => {
      await expect(asOwner(statement)).rejects.toMatchObject({
        code: '42501',
        message: expect.stringContaining('only grows'),
      });
    });

    it.each(changes)('a superuser is refused, in a replica session too: %s', async (statement) => {
      await admin.query('set session_replication_role = replica');
      try {
        await expect(admin.query(statement)).rejects.toMatchObject({ message: expect.stringContaining('only grows') });
      } finally {
        await admin.query('reset session_replication_role');
      }
    });

    it('takes an entry at the next place only', async () => {
      const insert = (position: number) =>
        service.query(
          `insert into audit.entries values ($1, $2, now(), 'user', 'u', 'Eve', 'a.b.c', 'rotation', 'r', '{}', decode(repeat('00', 32), 'hex'))`,
          [position, newId()],
        );
      const { entries } = await log.verify();
      for (const position of [-1, 0, 1, entries, entries + 2])
        await expect(insert(position)).rejects.toMatchObject({ message: expect.stringContaining('not the next one') });
    });
  });

  describe('answers', () => {
    beforeAll(async () => {
      const at = (minute: number) => `2026-12-01T10:${String(minute).padStart(2, '0')}:00.000Z`;
      const data = { serviceId: 'S9', rotationId: 'R9' };
      await record({
        subject: 'service/S9',
        type: 'dsops.rotation.service.added.v1',
        time: at(0),
        actor: bo,
        data: { serviceId: 'S9' },
      });
      await record({
        subject: 'rotation/R9',
        type: 'dsops.rotation.rotation.started.v1',
        time: at(1),
        actor: bo,
        data,
      });
      await record({ subject: 'rotation/R9', type: 'dsops.rotation.rotation.rolled_back.v1', time: at(2), data });
      await record({ subject: 'principal/S9', type: 'dsops.gateway.principal.created.v1', time: at(3), actor: ada });
      await record({ subject: 'rotation/R9', type: 'dsops.rotation.rotationX.started.v1', time: at(4), data });
    });

    const actions = async (filter: Parameters<LogService['list']>[0]) =>
      (await log.list(filter, { limit: 50 })).items.map(({ action }) => action);

    it('the history of an entity, newest first, of its own kind only', async () => {
      expect(await actions({ entity: { kind: 'service', id: 'S9' } })).toEqual([
        'rotation.rotationX.started',
        'rotation.rotation.rolled_back',
        'rotation.rotation.started',
        'rotation.service.added',
      ]);
    });

    it('everything about an id, whatever it names', async () => {
      expect(await actions({ entity: { id: 'S9' } })).toHaveLength(5);
    });

    it('what somebody did, by id or by name', async () => {
      expect(await actions({ actor: 'key-bo' })).toEqual(['rotation.rotation.started', 'rotation.service.added']);
      expect(await actions({ actor: 'Bo' })).toEqual(await actions({ actor: 'key-bo' }));
    });

    it('what begins with these words, taken literally', async () => {
      const entity = { id: 'R9' };
      expect(await actions({ entity, action: 'rotation.' })).toHaveLength(3);
      expect(await actions({ entity, action: 'rotation.rotation.' })).toEqual([
        'rotation.rotation.rolled_back',
        'rotation.rotation.started',
      ]);
      expect(await actions({ entity, action: 'rotation.rotation_' })).toEqual([]);
      expect(await actions({ entity, action: '%' })).toEqual([]);
    });

    it('what happened within a time, both ends included', async () => {
      const since = new Date('2026-12-01T10:01:00.000Z');
      const until = new Date('2026-12-01T10:03:00.000Z');
      expect(await actions({ since, until })).toEqual([
        'gateway.principal.created',
        'rotation.rotation.rolled_back',
        'rotation.rotation.started',
      ]);
    });

    it('page by page, each entry once', async () => {
      const seen: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await log.list({}, { limit: 7, cursor });
        seen.push(...page.items.map(({ position }) => position));
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      const { entries } = await log.verify();
      expect(seen).toEqual(Array.from({ length: entries }, (_, index) => entries - index));
    });

    it('a cursor of somebody else with what to do', async () => {
      await expect(log.list({}, { limit: 1, cursor: '1; drop table' })).rejects.toMatchObject({
        code: 'cursor_invalid',
      });
    });
  });

  it('names the first entry that was changed by somebody who could', async () => {
    const { entries } = await log.verify();
    await admin.query('alter table audit.entries disable trigger entries_only_grow');
    await admin.query(`update audit.entries set actor_name = 'Eve' where position = $1`, [entries - 3]);
    expect(await log.verify()).toMatchObject({ entries, firstBroken: entries - 3 });
    await admin.query(`update audit.entries set actor_name = 'Ada' where position = $1`, [entries - 3]);
    await admin.query('alter table audit.entry_entities disable trigger entry_entities_only_grow');
    await admin.query('delete from audit.entry_entities where position = $1', [entries]);
    await admin.query('delete from audit.entries where position = $1', [entries]);
    expect((await log.verify()).firstBroken).not.toBeNull();
  });
});
