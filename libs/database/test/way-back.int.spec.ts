import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { Secret } from '@dsops/kernel';
import { testServerUrl } from '@dsops/testing';
import { migrate } from '../src/migrate.js';
import { migrationSets, ownerOf, SCHEMAS, type SchemaName } from '../src/schemas.js';

describe('every migration has a way back', () => {
  const name = `way_back_${randomBytes(4).toString('hex')}`;
  const url = testServerUrl(name);
  const passwordOf = () => new Secret(new URL(url).password); // the roles are the whole run's: their password stays
  let client: pg.Client;

  beforeAll(async () => {
    const server = new pg.Client({ connectionString: testServerUrl() });
    await server.connect();
    await server.query(`create database ${name}`);
    await server.end();
    await migrate({ adminUrl: url, passwordOf });
    client = new pg.Client({ connectionString: url });
    await client.connect();
  });

  afterAll(async () => {
    await client.end();
  });

  const tablesOf = async (schema: SchemaName): Promise<string[]> => {
    const { rows } = await client.query<{ name: string }>(
      'select tablename as name from pg_tables where schemaname = $1 order by 1',
      [schema],
    );
    return rows.map((row) => row.name);
  };

  it.each(SCHEMAS.filter((schema) => schema !== 'scheduling'))('of %s', async (schema) => {
    const before = await tablesOf(schema);
    await client.query(`set role ${ownerOf(schema)}`);
    for (const { dir, table } of migrationSets(schema).reverse()) {
      const count = readdirSync(dir).length;
      const options = { dbClient: client, dir, schema, migrationsSchema: schema, migrationsTable: table };
      await runner({ ...options, direction: 'down', count, checkOrder: false, noLock: true, log: () => undefined });
    }
    await client.query('reset role');
    expect((await tablesOf(schema)).filter((table) => !table.endsWith('migrations'))).toEqual([]);

    await migrate({ adminUrl: url, passwordOf, schemas: [schema] });
    expect(await tablesOf(schema)).toEqual(before);
  });
});
