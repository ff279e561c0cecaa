/**
 * One PostgreSQL for the whole run, with one migrated template that every test file clones: a clone takes some 30 ms.
 * Runs on the built packages, because Jest transforms no global setup: build first (`pnpm test` does).
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, startPostgres } from '@dsops/database';
import { Secret } from '@dsops/kernel';
import pg from 'pg';

export default async function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'dsops-test-'));
  chmodSync(folder, 0o711); // the server runs as an account of its own when the tests run as root
  const password = randomBytes(18).toString('base64url');
  const server = await startPostgres({
    dataDir: join(folder, 'data'),
    password: new Secret(password),
    // Durability is the business of the kill tests, which start a server of their own.
    settings: { max_connections: 300, fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  });
  const admin = new pg.Client({ connectionString: server.url() });
  await admin.connect();
  await admin.query('create database dsops_template');
  await admin.end();
  await migrate({ adminUrl: server.url('dsops_template'), passwordOf: () => new Secret(password) });
  process.env.DSOPS_TEST_SERVER = JSON.stringify({ port: server.port, password });
  globalThis.stopTestServer = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
