import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PrismaClient } from '@dsops/database/rotation';
import { Secret } from '@dsops/kernel';
import {
  connect,
  examineDatabase,
  migrate,
  sql,
  query,
  startPostgres,
  withClient,
  type PostgresServer,
} from '../src/index.js';

/** A disk of its own for one folder, in memory: making one is for the machine's administrator, and for Linux. */
function mount(folder: string, megabytes: number): boolean {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0711`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'dsops-disk-'));
chmodSync(folder, 0o711);
const disk = join(folder, 'disk');
const isMounted = mount(disk, 120);

(isMounted ? describe : describe.skip)('a database on a disk that is full', () => {
  let server: PostgresServer;
  let client: PrismaClient;
  beforeAll(async () => {
    const password = new Secret('of the spec');
    server = await startPostgres({ dataDir: join(disk, 'data'), password, settings: { max_wal_size: '32MB' } });
    await withClient(server.url(), (admin) => admin.query('create database dsops'));
    await migrate({ adminUrl: server.url('dsops'), passwordOf: () => password, schemas: ['rotation'] });
    const options = { host: '127.0.0.1', port: server.port, database: 'dsops', password };
    client = connect(PrismaClient, 'rotation', options);
  });
  afterAll(async () => {
    await client.$disconnect();
    await server.stop();
    execFileSync('umount', [disk]);
    rmSync(folder, { recursive: true });
  });

  it('is well while there is room, is said to be full when there is none, and is well again', async () => {
    expect(await examineDatabase(client)).toBeNull();
    const filler = join(disk, 'filler');
    const chunk = Buffer.alloc(64 * 1024);
    expect(() => {
      for (;;) writeFileSync(filler, chunk, { flag: 'a' });
    }).toThrow('ENOSPC');
    await expect(examineDatabase(client)).rejects.toMatchObject({
      code: 'database_full',
      kind: 'unavailable',
      details: { about: 'database', remedy: expect.stringContaining('Make room') },
    });
    // It answers meanwhile: asking alone would find nothing.
    expect(await query(client, sql`select 1 as one`)).toEqual([{ one: 1 }]);
    rmSync(filler);
    expect(await examineDatabase(client)).toBeNull();
  }, 60_000);
});
