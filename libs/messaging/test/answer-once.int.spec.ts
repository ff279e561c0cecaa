import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execute, sql } from '@dsops/database';
import { answerOnce, PrismaUnitOfWork } from '../src/index.js';
import { pruneRecords } from '../src/outbox/pruning.repository.js';
import { openHarness, type EmbeddedHarness } from './harness.js';

describe('a request with an Idempotency-Key', () => {
  let harness: EmbeddedHarness;
  let work: PrismaUnitOfWork;
  let done = 0;

  beforeAll(async () => {
    harness = await openHarness();
    work = new PrismaUnitOfWork(harness.producer, 'rotation');
    await harness.execute(
      'create table rotation.things (id text not null); grant all on rotation.things to dsops_rotation',
    );
  });
  afterAll(() => harness.close());

  const request = (key: string, fingerprint = 'same', work_?: () => Promise<void>) =>
    work.run((unit) =>
      answerOnce(unit, { principalId: 'p', key, fingerprint }, async () => {
        await execute(unit.tx, sql`insert into things (id) values (${key})`);
        await work_?.();
        return { nth: (done += 1), key };
      }),
    );
  const effectsOf = async (key: string) =>
    (await harness.admin.query('select from rotation.things where id = $1', [key])).rowCount;

  it('is done once and answered the same each time', async () => {
    const first = await request('a');
    expect(await request('a')).toEqual(first);
    expect(await effectsOf('a')).toBe(1);
  });

  it('is done once when it comes many times at the same moment: the others wait for the first', async () => {
    const pause = () => new Promise<void>((end) => setTimeout(end, 50));
    const answers = await Promise.all(Array.from({ length: 8 }, () => request('b', 'same', pause)));
    expect(new Set(answers.map(({ nth }) => nth)).size).toBe(1);
    expect(await effectsOf('b')).toBe(1);
  });

  it('is done by the second when the first fails', async () => {
    await expect(request('c', 'same', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await request('c');
    expect(await effectsOf('c')).toBe(1);
  });

  it('is refused when the key came with another request', async () => {
    await request('d');
    await expect(request('d', 'other')).rejects.toMatchObject({ code: 'idempotency_key_reused', kind: 'conflict' });
  });

  it('belongs to its principal', async () => {
    await request('e');
    const other = await work.run((unit) =>
      answerOnce(unit, { principalId: 'q', key: 'e', fingerprint: 'other' }, async () => 'mine'),
    );
    expect(other).toBe('mine');
  });

  it('may be new again after a day, and is pruned then', async () => {
    await request('f');
    await request('g');
    await harness.execute("update rotation.requests set created_at = created_at - interval '25 hours'");
    await request('f', 'another');
    expect(await effectsOf('f')).toBe(2);
    await pruneRecords(harness.producer);
    const { rows } = await harness.admin.query('select key from rotation.requests');
    expect(rows).toEqual([{ key: 'f' }]);
  });
});
