import type pg from 'pg';
import { CLOCK_AHEAD_MS } from './clock.js';
import { SealedReader, type SealedRow } from './sealed-reader.js';
import type { RecordedVersion, Records } from './sight.js';

type Bytes = Exclude<keyof SealedRow, 'versionId' | 'credentialId' | 'slot' | 'keyId' | 'algorithm'>;
type SealedJson = { [Name in keyof SealedRow]: string };
interface VersionJson extends Omit<RecordedVersion, 'value'> {
  readonly sealed: SealedJson | null;
}

const BYTES: readonly Bytes[] = ['wrapNonce', 'wrappedKey', 'wrapTag', 'nonce', 'ciphertext', 'tag'];
const base64 = (column: string) => `encode(s.${column}, 'base64')`;
const epochMs = (column: string) => `extract(epoch from ${column}) * 1000`;

/** Check-outs last seconds here: what ends in hours was granted by a clock that was set ahead. */
const IN_TRUE_TIME = `(case when expires_at > clock_timestamp() + interval '${CLOCK_AHEAD_MS / 2} ms'
  then expires_at - interval '${CLOCK_AHEAD_MS} ms' else expires_at end)`;

/** Everything about the cell's one credential in one statement: one snapshot, without a word to any process of ours. */
const RECORDS = `
  select ${epochMs('clock_timestamp()')} as "atMs",
    (select coalesce(json_agg(json_build_object(
        'id', v.id, 'name', v.name, 'slot', v.slot, 'label', v.label, 'endedAtMs', ${epochMs('v.ended_at')},
        'sealed', case when s.owner_id is not null then json_build_object(
          'versionId', v.id, 'credentialId', v.credential_id, 'slot', v.slot, 'keyId', s.key_id, 'algorithm', s.algorithm,
          'wrapNonce', ${base64('wrap_nonce')}, 'wrappedKey', ${base64('wrapped_key')}, 'wrapTag', ${base64('wrap_tag')},
          'nonce', ${base64('nonce')}, 'ciphertext', ${base64('ciphertext')}, 'tag', ${base64('tag')}) end
      ) order by v.id), '[]')
       from rotation.versions v
       left join rotation.sealed_values s on s.owner_kind = 'version' and s.owner_id = v.id) as versions,
    (select json_build_object('id', r.id, 'state', r.state, 'isSettled', r.is_settled, 'seq', r.seq)
       from rotation.rotations r order by r.id desc limit 1) as rotation,
    (select coalesce(json_agg(json_build_object('versionId', version_id, 'expiresAtMs', ${epochMs(IN_TRUE_TIME)})), '[]')
       from rotation.check_outs where released_at is null and ${IN_TRUE_TIME} > clock_timestamp()) as holds`;

/** From the answer that showed the failure. */
export interface RollbackTimes {
  readonly beganAfterMs: number;
  readonly endedAfterMs: number;
}

/** Reads our database past the product, as its superuser. */
export class RecordsReader {
  private readonly sealed: SealedReader;
  private readonly opened = new Map<string, string | null>();

  constructor(
    private readonly database: pg.Pool,
    keyFile: string,
  ) {
    this.sealed = new SealedReader(keyFile);
  }

  async read(): Promise<Records> {
    const { rows } = await this.database.query<Omit<Records, 'versions'> & { versions: VersionJson[]; atMs: string }>(
      RECORDS,
    );
    const [row] = rows;
    if (row === undefined) throw new TypeError('A select without from gives one row.');
    const versions = row.versions.map(({ sealed, ...facts }) => ({ ...facts, value: sealed && this.open(sealed) }));
    return { ...row, atMs: Number(row.atMs), versions };
  }

  /** Every table but the vault's own in which one of these values stands (I10). */
  async leaks(values: readonly string[]): Promise<string[]> {
    const { rows } = await this.database.query<{ table: string }>(
      `select quote_ident(table_schema) || '.' || quote_ident(table_name) as table from information_schema.tables
        where table_schema in ('rotation', 'delivery') and table_type = 'BASE TABLE' and table_name <> 'sealed_values'`,
    );
    const found = await Promise.all(
      rows.map(async ({ table }) => {
        const { rowCount } = await this.database.query(
          `select from ${table} as row, unnest($1::text[]) as value where strpos(row::text, value) > 0 limit 1`,
          [values],
        );
        return rowCount === 0 ? [] : [table];
      }),
    );
    return found.flat();
  }

  /** How often each type of event was said about the rotation, and whether the sequence of any key has a gap. */
  async events(): Promise<{ readonly counts: ReadonlyMap<string, number>; readonly hasGap: boolean }> {
    const { rows } = await this.database.query<{ type: string; count: number }>(
      'select type, count(*)::int as count from rotation.outbox group by type',
    );
    const gaps = await this.database.query(
      `select from rotation.outbox group by topic, key, epoch having max(sequence) <> count(*) or min(sequence) <> 1`,
    );
    return { counts: new Map(rows.map(({ type, count }) => [type, count])), hasGap: gaps.rowCount !== 0 };
  }

  /** How long after its cause a rollback began and ended, by the journal; null when there was none. */
  async rollback(): Promise<RollbackTimes | null> {
    const { rows } = await this.database.query<{ cause: number | null; turned: number | null; ended: number | null }>(
      `with entries as (select seq, entry->>'kind' as kind, (entry->>'atMs')::float8 as at_ms from rotation.rotation_journal),
            turn as (select min(seq) as seq from entries where kind = 'turned')
       select (select at_ms from entries, turn where kind = 'ended' and entries.seq < turn.seq order by entries.seq desc limit 1) as cause,
              (select at_ms from entries, turn where entries.seq = turn.seq) as turned,
              (select at_ms from entries where kind = 'concluded' order by seq desc limit 1) as ended`,
    );
    const { cause = null, turned = null, ended = null } = rows[0] ?? {};
    return cause === null || turned === null || ended === null
      ? null
      : { beganAfterMs: turned - cause, endedAfterMs: ended - cause };
  }

  /** The last entries of the journal, for people who look for the cause. They name versions, never values. */
  async journalTail(count: number): Promise<string[]> {
    const { rows } = await this.database.query<{ entry: string }>(
      `select seq || ' ' || entry::text as entry from rotation.rotation_journal order by rotation_id desc, seq desc limit $1`,
      [count],
    );
    return rows.map(({ entry }) => entry).toReversed();
  }

  private open(row: SealedJson): string | null {
    const known = this.opened.get(row.ciphertext);
    if (known !== undefined) return known;
    const bytes = Object.fromEntries(BYTES.map((name) => [name, Buffer.from(row[name], 'base64')])) as Pick<
      SealedRow,
      Bytes
    >;
    const value = this.sealed.open({ ...row, ...bytes });
    this.opened.set(row.ciphertext, value);
    return value;
  }
}
