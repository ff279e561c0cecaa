import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Actor } from '@dsops/contracts/principal';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/audit';
import { newId } from '@dsops/kernel';
import { createLogger, HealthChecks } from '@dsops/platform';
import { createTestDatabase, FakeClock, type TestDatabase } from '@dsops/testing';
import { HeadKeeper } from './head-keeper.service.js';
import { HeadFile } from './kept-head.store.js';
import { LogRepository } from './log.repository.js';
import { LogService } from './log.service.js';

const actor: Actor = { kind: 'user', id: 'user-ada', name: 'Ada' };

describe('the head that is kept outside the database', () => {
  let home: TestDatabase;
  let database: PrismaClient;
  let admin: pg.Client;
  let folder: string;
  let file: HeadFile;
  let keeper: HeadKeeper;
  let log: LogService;
  let checks: HealthChecks;
  let clock: FakeClock;

  beforeAll(async () => {
    home = await createTestDatabase();
    database = connect(PrismaClient, 'audit', home.options);
    admin = new pg.Client({ connectionString: home.adminUrl });
    await admin.connect();
  });
  afterAll(async () => {
    await Promise.all([admin.end(), database.$disconnect()]);
    await home.drop();
  });

  const event = (type: string): EventEnvelope<{ actor: Actor }> => ({
    specversion: '1.0',
    id: newId(),
    source: '/dsops/rotation',
    type,
    subject: 'rotation/R1',
    time: clock.now().toISOString(),
    datacontenttype: 'application/json',
    partitionkey: 'S1',
    sequence: '1',
    epoch: 1,
    data: { actor },
  });
  const record = (amount = 1, type = 'dsops.rotation.rotation.started.v1') =>
    database.$transaction((tx) =>
      log.record(
        Array.from({ length: amount }, () => event(type)),
        tx,
      ),
    );
  const start = () => {
    const logger = createLogger({ service: 'audit', level: 'silent' });
    checks = new HealthChecks([], logger);
    return new HeadKeeper(new LogRepository(database), file, clock, logger, checks);
  };

  /** As a superuser of the database can do it: the triggers off, the end of the log away, the head put back. */
  const cutOff = async (amount: number) => {
    await admin.query(`
      begin; set local session_replication_role = replica;
      alter table audit.entries disable trigger all; alter table audit.entry_entities disable trigger all;
      delete from audit.entry_entities where position > (select position - ${amount} from audit.chain_head);
      delete from audit.entries where position > (select position - ${amount} from audit.chain_head);
      update audit.chain_head h set (position, hash) =
        (select position, hash from audit.entries order by position desc limit 1);
      alter table audit.entries enable always trigger entries_only_grow;
      alter table audit.entries enable always trigger entries_move_head;
      commit`);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dsops-head-'));
    file = new HeadFile(join(folder, 'audit-head.json'));
    clock = new FakeClock();
    log = new LogService(new LogRepository(database), file);
    keeper = start();
    await record(10);
    await keeper.keep();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('agrees with a log that only grew, whether it was written since or not', async () => {
    expect(await log.verify()).toMatchObject({ firstBroken: null, missing: 0, isRewritten: false, beyond: 0 });
    await record(3);
    const { entries, keptPosition } = await log.verify();
    expect(entries).toBe(keptPosition! + 3);
    expect(await keeper.keep()).toEqual({ kind: 'fits' });
    expect((await log.verify()).keptPosition).toBe(entries);
  });

  it('shows how many entries were cut off the end, which the chain alone does not', async () => {
    const { entries } = await log.verify();
    await cutOff(5);
    const unkept = new LogService(new LogRepository(database), null);
    expect(await unkept.verify()).toMatchObject({ entries: entries - 5, firstBroken: null, missing: 0 });
    expect(await log.verify()).toMatchObject({ entries: entries - 5, missing: 5, keptPosition: entries });
    expect(await checks.look()).toMatchObject([
      { level: 'warning', code: 'audit_log_cut', message: expect.stringContaining('5 ') },
    ]);
  });

  it('is never put back to a log that was cut, neither by the next look nor by the next start', async () => {
    const { entries } = await log.verify();
    await cutOff(2);
    await keeper.keep();
    await start().keep();
    expect(await file.read()).toMatchObject({ position: entries });
  });

  it('shows that other entries took the place of those that were cut off', async () => {
    await cutOff(2);
    await record(4);
    expect(await keeper.keep()).toEqual({ kind: 'rewritten' });
    expect(await log.verify()).toMatchObject({ firstBroken: null, missing: 0, isRewritten: true });
  });

  it('follows a copy once a person has confirmed it, which stands in the log', async () => {
    await cutOff(3);
    clock.advance(60_000);
    await record(1, 'dsops.rotation.installation.restore_confirmed.v1');
    expect(await keeper.keep()).toEqual({ kind: 'fits' });
    expect(await log.verify()).toMatchObject({ missing: 0, isRewritten: false });
  });

  it('names rows behind the end, and lists none of them', async () => {
    const { entries } = await log.verify();
    await admin.query(`
      begin; set local session_replication_role = replica;
      alter table audit.entries disable trigger entries_move_head;
      insert into audit.entries select position + 1, 'forged', at, actor_kind, actor_id, 'Eve', action, entity_kind,
        entity_id, details, hash from audit.entries order by position desc limit 1;
      alter table audit.entries enable always trigger entries_move_head; commit`);
    expect(await log.verify()).toMatchObject({ entries, beyond: 1 });
    expect((await log.list({}, { limit: 1 })).items[0]).toMatchObject({ position: entries });
    await admin.query(`
      begin; set local session_replication_role = replica; alter table audit.entries disable trigger entries_only_grow;
      delete from audit.entries where event_id = 'forged';
      alter table audit.entries enable always trigger entries_only_grow; commit`);
  });

  it('is said to be unusable when it is damaged, and is not written over', async () => {
    await writeFile(file.path, '{');
    await expect(log.verify()).rejects.toMatchObject({ code: 'audit_head_unusable' });
    await expect(keeper.keep()).rejects.toMatchObject({ code: 'audit_head_unusable' });
    expect(await checks.look()).toMatchObject([{ level: 'error', code: 'audit_head_unusable' }]);
  });
});
