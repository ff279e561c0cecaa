import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { AddServiceRequest } from '@dsops/contracts/rotation/add-service';
import { withClient } from '@dsops/database';
import { Secret } from '@dsops/kernel';
import { scramVerifier, setupStatements } from '@dsops/drivers';

export const SAMPLE = { service: 'shop-db', environment: 'sample', database: 'shop' } as const;

const ADMIN = 'shop_admin';
const OWNER = 'shop_owner';
const SLOTS = ['shop_app_a', 'shop_app_b'] as const;

/** Where the sample's database lives: the same server as dsops' own, another database. */
export interface SampleServer {
  readonly port: number;
  superuserUrl(database?: string): string;
}

/**
 * Makes the database `shop` with a little content, an application that logs in as `shop_app_a`, a second slot that
 * nobody uses, and an administrator with just the rights that dsops needs. Returns how to add it to dsops. Running it
 * again before the service was added gives the logins new passwords and changes nothing else.
 */
export async function makeShop(server: SampleServer): Promise<AddServiceRequest> {
  const adminPassword = randomPassword();
  const appPassword = randomPassword();
  await withClient(server.superuserUrl(), async (client) => {
    await makeDatabaseAndRoles(client);
    await client.query(`alter role ${ADMIN} password '${await scramVerifier(new Secret(adminPassword))}'`);
    await client.query(`alter role ${SLOTS[0]} login password '${await scramVerifier(new Secret(appPassword))}'`);
  });
  await withClient(server.superuserUrl(SAMPLE.database), async (client) => {
    await client.query(`set role ${OWNER}`);
    await client.query('create schema if not exists shop');
    await client.query(
      `create table if not exists shop.orders
         (id bigserial primary key, item text not null, at timestamptz not null default now())`,
    );
  });
  return {
    name: SAMPLE.service,
    environment: SAMPLE.environment,
    type: 'postgresql',
    target: { host: '127.0.0.1', port: server.port, database: SAMPLE.database, sslMode: 'disable' },
    admin: { username: ADMIN, password: adminPassword },
    credential: {
      name: 'login',
      strategy: 'two-key',
      consumers: 'managed',
      slots: [...SLOTS],
      owner: OWNER,
      gracePeriod: '0s',
      verification: { query: 'SELECT count(*) FROM shop.orders', timeout: '10s' },
      rollback: { automatic: true },
    },
    current: { username: SLOTS[0], password: appPassword },
  };
}

const randomPassword = () => randomBytes(24).toString('base64url');

async function makeDatabaseAndRoles(client: pg.Client): Promise<void> {
  const exists = async (catalog: string, name: string) => ((await client.query(catalog, [name])).rowCount ?? 0) > 0;
  if (!(await exists('select from pg_database where datname = $1', SAMPLE.database)))
    await client.query(`create database ${SAMPLE.database}`);
  if (await exists('select from pg_roles where rolname = $1', ADMIN)) return;
  // All roles or none: what an interrupted start left is either complete or absent.
  await client.query('begin');
  for (const statement of setupStatements({ database: SAMPLE.database, admin: ADMIN, owner: OWNER, slots: SLOTS }))
    await client.query(statement);
  await client.query(`alter database ${SAMPLE.database} owner to ${OWNER}`);
  await client.query('commit');
}
