/**
 * The one way for plain SQL: a statement is written as a template whose values travel apart from the text, and runs where
 * the models of its transaction run.
 *
 *   const due = await query<{ id: string }>(tx, sql`select id from things where due_at <= ${now}::timestamptz`);
 *
 * Its text names it, so it is prepared once per connection; a value never becomes part of the text, so there is one text
 * for all values. What PostgreSQL cannot tell from its place gets a cast: `${ids}::text[]`. Dates, bigints, null, bytes
 * and arrays go both ways as themselves, JSON comes back parsed; numeric and time are refused, so cast those as well.
 */
import sql, { join, raw, type Sql } from 'sql-template-tag';
import type { SqlExecutor } from './database.js';

/**
 * `sql` takes values and other statements: a list of columns, or a condition that several statements share. `join` puts
 * such parts into a row, with commas unless it is told otherwise. `raw` makes one of a text of our own, never of one that
 * came from outside.
 */
export { join, raw, sql, type Sql };

/**
 * The columns of a row under its names, for `select ${columns<Row>({ id: 'id', serviceId: 'service_id' })}`: a name that
 * the row has and that is not said here is an error of types.
 */
export const columns = <Row>(names: { readonly [Name in keyof Row & string]: string }): Sql =>
  raw(
    Object.entries<string>(names)
      .map(([name, column]) => `${column} as "${name}"`)
      .join(', '),
  );

/**
 * @returns the rows, named as the statement names them
 * @throws an error with the SQLSTATE, see `sqlState`, when the database refuses the statement
 */
export const query = <Row>(on: SqlExecutor, statement: Sql): Promise<Row[]> =>
  on.$queryRawUnsafe<Row[]>(statement.text, ...statement.values);

/** As {@link query}, for a statement that answers one row whatever there is, such as a count. */
export async function queryOne<Row>(on: SqlExecutor, statement: Sql): Promise<Row> {
  const [row] = await query<Row>(on, statement);
  if (row === undefined) throw new TypeError('A statement that answers one row answered none.');
  return row;
}

/** @returns how many rows it has written; for a select, how many it found */
export const execute = (on: SqlExecutor, statement: Sql): Promise<number> =>
  on.$executeRawUnsafe(statement.text, ...statement.values);
