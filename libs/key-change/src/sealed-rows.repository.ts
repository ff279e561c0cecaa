import type pg from 'pg';
import { SEALED_TABLES, type SealedTable } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import type { SealedPlace, SealedValue } from '@dsops/sealing';

/** A sealed value with what it is bound to. */
export interface SealedRow {
  /** Values of the primary key. */
  readonly key: readonly string[];
  readonly place: SealedPlace;
  readonly sealed: SealedValue;
}

const SEALED_COLUMNS = `s.key_id as "keyId", s.algorithm, s.wrap_nonce as "wrapNonce", s.wrapped_key as "wrappedKey",
  s.wrap_tag as "wrapTag", s.nonce, s.ciphertext, s.tag`;

type Row = SealedValue & {
  readonly rowKey: string[];
  readonly purpose: string;
  readonly ids: (string | null)[] | null;
};

const keyOf = ({ key }: SealedTable): string => `array[${key.map((name) => `s.${name}`).join(', ')}]`;
const idsOf = ({ purpose, ids }: SealedTable): string =>
  `case ${purpose} ${Object.entries(ids)
    .map(([name, sql]) => `when '${name}' then ${sql}`)
    .join(' ')} end`;

/** The sealed rows of every service, for whoever administers the database. */
export class SealedRowsRepository {
  constructor(private readonly client: pg.Client) {}

  /** How many values there are, and how many of them are sealed under this key. */
  async count(keyId: string | null): Promise<{ all: number; under: number }> {
    const sums = { all: 0, under: 0 };
    for (const { table } of SEALED_TABLES) {
      const { rows } = await this.client.query<{ all: number; under: number }>(
        `select count(*)::int as all, (count(*) filter (where key_id = $1))::int as under from ${table}`,
        [keyId],
      );
      sums.all += rows[0]!.all;
      sums.under += rows[0]!.under;
    }
    return sums;
  }

  /** Up to `limit` rows under a key, locked to the end of the transaction. */
  async lockUnder(table: SealedTable, keyId: string, limit: number): Promise<SealedRow[]> {
    return this.read(table, `where s.key_id = $1 order by ${keyOf(table)} limit $2 for update of s`, [keyId, limit]);
  }

  /** Up to `limit` rows behind the one with this key, in order; null begins. */
  async after(table: SealedTable, key: readonly string[] | null, limit: number): Promise<SealedRow[]> {
    const tail = `where $1::text[] is null or ${keyOf(table)} > $1::text[] order by ${keyOf(table)} limit $2`;
    return this.read(table, tail, [key, limit]);
  }

  /** Writes the wrapped keys of rows that are still under `from`. @throws when one of them is not */
  async rewrap({ table, key }: SealedTable, from: string, rows: readonly SealedRow[]): Promise<void> {
    const columns = key.map((_, nth) => `$${nth + 6}::text[]`).join(', ');
    const { rowCount } = await this.client.query(
      `update ${table} s set key_id = $1, wrap_nonce = n.wrap_nonce, wrapped_key = n.wrapped_key, wrap_tag = n.wrap_tag
         from unnest($3::bytea[], $4::bytea[], $5::bytea[], ${columns})
           as n(wrap_nonce, wrapped_key, wrap_tag, ${key.join(', ')})
        where s.key_id = $2 and ${key.map((name) => `s.${name} = n.${name}`).join(' and ')}`,
      [
        rows[0]!.sealed.keyId,
        from,
        ...(['wrapNonce', 'wrappedKey', 'wrapTag'] as const).map((part) =>
          rows.map(({ sealed }) => Buffer.from(sealed[part])),
        ),
        ...key.map((_, nth) => rows.map((row) => row.key[nth])),
      ],
    );
    if (rowCount !== rows.length)
      throw new DomainError('key_change_disturbed', 'conflict', 'Somebody else changed what is being sealed anew.', {
        remedy: 'Stop every dsops on this database, and run the same command again.',
      });
  }

  /** Waits for whoever is still writing, and lets nobody write until the transaction ends. */
  async lockTables(): Promise<void> {
    await this.client.query(`lock table ${SEALED_TABLES.map(({ table }) => table).join(', ')} in share mode`);
  }

  private async read(table: SealedTable, tail: string, values: readonly unknown[]): Promise<SealedRow[]> {
    const { rows } = await this.client.query<Row>(
      `select ${keyOf(table)} as "rowKey", ${table.purpose} as purpose, ${idsOf(table)} as ids, ${SEALED_COLUMNS}
         from ${table.table} s ${tail}`,
      [...values],
    );
    return rows.map(({ rowKey, purpose, ids, ...sealed }) => {
      if (ids === null || ids.includes(null)) throw ownerless(table, rowKey);
      return { key: rowKey, place: { purpose, ids: ids as string[] }, sealed };
    });
  }
}

const ownerless = ({ table }: SealedTable, key: readonly string[]): DomainError =>
  new DomainError(
    'sealed_value_ownerless',
    'refused',
    `The sealed value ${key.join(' / ')} in ${table} has no owner.`,
    {
      remedy: 'Nothing can open it. Restore the database from a backup in which it is whole, or delete that row.',
    },
  );
