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

interface Model {
  readonly columns: ReadonlyMap<string, Column>;
  /** What identifies a row: each a list of columns, `event_id, recipient_id`. */
  readonly keys: readonly string[];
  /** What it can be looked up by, apart from its keys. */
  readonly indexes: readonly string[];
}

/** The tables that a schema.prisma declares, by name. Relations are no columns. */
function modelsOf(service: string): Map<string, Model> {
  const text = readFileSync(join(folder, service, 'schema.prisma'), 'utf8');
  const models = [...text.matchAll(/^model (\w+) \{([\s\S]*?)^\}/gm)];
  const names = new Set(models.map(([, name]) => name));
  return new Map(
    models.map(([, , body = '']) => {
      const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? '';
      const fields = [...body.matchAll(/^ {2}(\w+)\s+(\w+)(\[\])?(\?)?(.*)$/gm)].filter(
        ([, , type = '']) => !names.has(type),
      );
      const columnOf = (field: string) =>
        fields
          .map(([, name, , , , rest = '']) => [name, /@map\("(\w+)"\)/.exec(rest)?.[1]])
          .find(([name]) => name === field)?.[1] ?? field;
      const columns = fields.map(([, field = '', type = '', list, optional]): [string, Column] => [
        columnOf(field),
        { types: list ? ['ARRAY'] : (STORED_AS[type] ?? []), isNullable: optional === '?' },
      ]);
      const listsAfter = (attribute: RegExp) =>
        [...body.matchAll(attribute)].map(([, list = '']) =>
          list
            .split(', ')
            .map((entry) => columnOf(/^\w+/.exec(entry)?.[0] ?? ''))
            .join(', '),
        );
      const keys = [
        ...fields
          .filter(([, , , , , rest = '']) => /@(id|unique)\b/.test(rest))
          .map(([, field = '']) => columnOf(field)),
        ...listsAfter(/@@(?:id|unique)\(\[(.*?)\]/g),
      ];
      return [table, { columns: new Map(columns), keys, indexes: listsAfter(/@@index\(\[(.*?)\]/g) }];
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

  /** Of the whole table: a key of some of its rows is nothing that a model can say. */
  const indexesOf = async (table: string) => {
    const { rows } = await client.query<{ columns: string; isKey: boolean }>(
      `select i.indisunique as "isKey", string_agg(a.attname, ', ' order by c.nth) as columns
         from pg_index i cross join unnest(i.indkey) with ordinality as c(attnum, nth)
         join pg_attribute a on a.attrelid = i.indrelid and a.attnum = c.attnum
        where i.indrelid = format('%I.%I', $1::text, $2::text)::regclass and i.indpred is null
        group by i.indexrelid, i.indisunique`,
      [service, table],
    );
    const listsOf = (isKey: boolean) => rows.filter((row) => row.isKey === isKey).map(({ columns }) => columns);
    return { keys: listsOf(true), indexes: listsOf(false) };
  };

  it.each([...modelsOf(service)])(
    'say how the migrations tell the rows of %s apart, and find them',
    async (table, model) => {
      const { keys, indexes } = await indexesOf(table);
      expect([...model.keys].sort()).toEqual(keys.sort());
      expect([...model.indexes].sort()).toEqual(indexes.sort());
    },
  );

  it.each([...modelsOf(service)])('say what the migrations make of %s', async (table, { columns: model }) => {
    const columns = await columnsOf(table);
    expect(columns.map(({ name }) => name).sort()).toEqual([...model.keys()].sort());
    for (const { name, type, nullable } of columns) {
      const declared = model.get(name);
      expect({ name, types: declared?.types }).toEqual({ name, types: expect.arrayContaining([type]) });
      expect({ name, isNullable: nullable === 'YES' }).toEqual({ name, isNullable: declared?.isNullable });
    }
  });
});
