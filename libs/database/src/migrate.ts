import { existsSync, readdirSync } from 'node:fs';
import type pg from 'pg';
import { runner } from 'node-pg-migrate';
import { DomainError, unwrapSecret, type Secret } from '@dsops/kernel';
import { assertKeyIsSettled } from './key-change.js';
import { withClient } from './postgres.js';
import { migrationSets, ownerOf, roleOf, SCHEMAS, type SchemaName } from './schemas.js';

/** Raised when a migration makes the schema unreadable for earlier releases; see {@link assertReadable}. */
export const RELEASE = 1;

/** Serialises everything that changes roles and schemas of one database, across processes. */
export const MIGRATION_LOCK = 4_127_533_001;

interface MigrateOptions {
  /** A role that may create roles and schemas here: the superuser of the embedded server, or one prepared by an administrator. */
  readonly adminUrl: string;
  /** The password that the service's role gets. Set anew on each start, so it is stored nowhere. */
  readonly passwordOf: (schema: SchemaName) => Secret;
  readonly schemas?: readonly SchemaName[];
  readonly onApplied?: (schema: SchemaName, migration: string) => void;
}

/**
 * Brings every schema to what this release needs: roles, schemas, tables. Safe to run any number of times and from
 * several processes at once.
 * @throws DomainError `database_newer` when a later release has changed the database so that this one cannot read it.
 * @throws DomainError `key_change_unfinished`
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  await withClient(options.adminUrl, async (client) => {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await assertKeyIsSettled(client);
    for (const schema of options.schemas ?? SCHEMAS) {
      await assertReadable(client, schema);
      await prepareSchema(client, schema, options.passwordOf(schema));
      await applyMigrations(client, schema, options.onApplied);
    }
  });
}

async function assertReadable(client: pg.Client, schema: SchemaName): Promise<void> {
  const known = await client.query<{ bounds: string | null }>("select to_regclass($1 || '.schema_bounds') as bounds", [
    schema,
  ]);
  if (known.rows[0]?.bounds == null) return;
  const { rows } = await client.query<{ oldest: number | null }>(
    `select max(oldest_release) as oldest from ${schema}.schema_bounds`,
  );
  if ((rows[0]?.oldest ?? 0) > RELEASE)
    throw new DomainError(
      'database_newer',
      'conflict',
      `The database was changed by a later release of dsops (${schema}).`,
      {
        remedy: 'Start that release again, or restore the backup that was made before the update. Nothing was changed.',
      },
    );
}

async function prepareSchema(client: pg.Client, schema: SchemaName, password: Secret): Promise<void> {
  const owner = ownerOf(schema);
  const role = roleOf(schema);
  await createRole(client, owner, 'nologin');
  await createRole(client, role, 'login');
  await client.query(`alter role ${role} login password ${client.escapeLiteral(unwrapSecret(password))}`);
  await client.query(`alter role ${role} set search_path = ${schema}`);
  await client.query(`grant ${owner} to current_user`);
  await client.query(`create schema if not exists ${schema} authorization ${owner}`);
  await client.query(`grant usage on schema ${schema} to ${role}`);
  if (schema === 'scheduling') {
    // graphile-worker makes its tables itself, and asks for its schema even where that exists.
    await client.query(`grant create on schema ${schema} to ${role}`);
    await client.query(`grant create on database ${client.escapeIdentifier(client.database!)} to ${role}`);
  }
  for (const [objects, rights] of [
    ['tables', 'select, insert, update, delete'],
    ['sequences', 'usage, select'],
  ] as const)
    await client.query(
      `alter default privileges for role ${owner} in schema ${schema} grant ${rights} on ${objects} to ${role}`,
    );
}

async function createRole(client: pg.Client, role: string, login: 'login' | 'nologin'): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
  if (rowCount === 0) await client.query(`create role ${role} ${login}`);
}

async function applyMigrations(
  client: pg.Client,
  schema: SchemaName,
  onApplied: MigrateOptions['onApplied'],
): Promise<void> {
  await client.query(`set role ${ownerOf(schema)}`);
  try {
    for (const { dir, table } of migrationSets(schema)) {
      if (!existsSync(dir) || readdirSync(dir).length === 0) continue;
      const applied = await runner({
        dbClient: client,
        dir,
        direction: 'up',
        schema,
        migrationsSchema: schema,
        migrationsTable: table,
        checkOrder: false, // what a later release applied is judged by its bounds, not by its name
        noLock: true, // held already, for all schemas together
        log: () => undefined,
      });
      for (const { name } of applied) onApplied?.(schema, name);
    }
  } finally {
    await client.query('reset role');
    await client.query('reset search_path');
  }
}
