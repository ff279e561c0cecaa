import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { SERVICES } from '@dsops/contracts/service-names';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..');

/** How a scalar of the models is stored; `Json` may be either kind of JSON. */
const STORED_AS: Record<string, readonly string[]> = {
  String: ['text'],
  Int: ['integer'],
  BigInt: ['bigint'],
  Boolean: ['boolean'],
  DateTime: ['timestamp with time zone'],
  Json: ['jsonb', 'json'],
  Bytes: ['bytea'],
};

interface Column {
  readonly types: readonly string[];
  readonly isNullable: boolean;
}

/** The tables that a schema.prisma declares, by name, with their columns. Relations are no columns. */
function modelsOf(service: string): Map<string, Map<string, Column>> {
  const text = readFileSync(join(folder, service, 'schema.prisma'), 'utf8');
  const models = [...text.matchAll(/^model (\w+) \{([\s\S]*?)^\}/gm)];
  const names = new Set(models.map(([, name]) => name));
  return new Map(
    models.map(([, , body = '']) => {
      const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? '';
      const fields = [...body.matchAll(/^ {2}(\w+)\s+(\w+)(\[\])?(\?)?(.*)$/gm)].filter(
        ([, , type = '']) => !names.has(type),
      );
      const columns = fields.map(([, field = '', type = '', list, optional, rest = '']): [string, Column] => [
        /@map\("(\w+)"\)/.exec(rest)?.[1] ?? field,
        { types: list ? ['ARRAY'] : (STORED_AS[type] ?? []), isNullable: optional === '?' },
      ]);
      return [table, new Map(columns)];
    }),
  );
}

describe.each(SERVICES)('the models of %s', (service) => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.adminUrl });
    await client.connect();
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const columnsOf = async (table: string) => {
    const { rows } = await client.query<{ name: string; type: string; nullable: string }>(
      `select column_name as name, data_type as type, is_nullable as nullable
         from information_schema.columns where table_schema = $1 and table_name = $2`,
      [service, table],
    );
    return rows;
  };

  it.each([...modelsOf(service)])('say what the migrations make of %s', async (table, model) => {
    const columns = await columnsOf(table);
    expect(columns.map(({ name }) => name).sort()).toEqual([...model.keys()].sort());
    for (const { name, type, nullable } of columns) {
      const declared = model.get(name);
      expect({ name, types: declared?.types }).toEqual({ name, types: expect.arrayContaining([type]) });
      expect({ name, isNullable: nullable === 'YES' }).toEqual({ name, isNullable: declared?.isNullable });
    }
  });
});
