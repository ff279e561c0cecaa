import { AsyncLocalStorage } from 'node:async_hooks';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  type ColumnType,
  type SqlDriverAdapter,
  type SqlQueryable,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import type pg from 'pg';
import type { Database, SqlExecutor } from './database.js';

/**
 * A statement in plain SQL that the database refused, or that did not reach it. `code` is its SQLSTATE, or how the driver
 * calls what happened on the way. The message quotes the database and is as little for logs and people as any foreign one.
 */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  readonly code: string;
  /** Where Prisma puts the same, for its own statements. */
  readonly meta: { readonly driverAdapterError: unknown };

  constructor(driverAdapterError: unknown, { kind, originalCode, originalMessage }: DriverFault) {
    super(`The database: ${originalMessage ?? kind ?? 'no reason given'}`, { cause: driverAdapterError });
    this.code = originalCode ?? kind ?? 'unknown';
    this.meta = { driverAdapterError };
  }
}

interface DriverFault {
  readonly kind?: string;
  readonly originalCode?: string;
  readonly originalMessage?: string;
}

/** The connection of one transaction, from its begin to the statement that ends it. */
class Place {
  private transaction: Statements | undefined;
  private hasBegun = false;

  get open(): Statements | undefined {
    return this.transaction;
  }

  /** What begins later in the same context is another client's, or a step of Prisma's own. */
  begin(transaction: Transaction): void {
    if (this.hasBegun) return;
    this.hasBegun = true;
    this.transaction = transaction;
    const execute = transaction.executeRaw.bind(transaction);
    transaction.executeRaw = (query) => {
      // Before it is sent: what came behind it on this connection would stand outside of the transaction.
      if (ENDS.test(query.sql)) this.transaction = undefined;
      return execute(query);
    };
  }
}

const ENDS = /^\s*(commit|rollback)\s*;?\s*$/i;
const places = new AsyncLocalStorage<Place>();

/** Prisma's adapter, which also tells on which connection a transaction has begun. */
export class TellingPg extends PrismaPg {
  override async connect(): Promise<Awaited<ReturnType<PrismaPg['connect']>>> {
    const adapter = await super.connect();
    const start = adapter.startTransaction.bind(adapter);
    adapter.startTransaction = async (isolationLevel) => {
      const transaction = await start(isolationLevel);
      places.getStore()?.begin(transaction);
      return transaction;
    };
    return adapter;
  }
}

/**
 * The client with its plain SQL on a shorter way: straight to the driver, on the connection of the transaction where there
 * is one. Prisma's own way there costs more than the statement, and what is busiest here is plain SQL (ADR 0012). Models,
 * and begin and end of transactions, stay Prisma's. `$disconnect` ends the pool.
 */
export function withDirectSql<Client extends object>(prisma: Client, factory: PrismaPg, pool: pg.Pool): Client {
  const client = prisma as unknown as Database;
  let adapter: Promise<SqlDriverAdapter> | undefined;
  let ended: Promise<void> | undefined;
  const onPool: Statements = {
    queryRaw: async (query) => (await (adapter ??= factory.connect())).queryRaw(query),
    executeRaw: async (query) => (await (adapter ??= factory.connect())).executeRaw(query),
  };
  const members: Partial<Database> = {
    ...sqlOn(() => onPool),
    $transaction: (work, options) => {
      if (typeof work !== 'function') return client.$transaction(work, options); // a list of Prisma's own statements
      const place = new Place();
      // Where the transaction has ended, or its connection was not told, Prisma answers.
      const begin = () =>
        client.$transaction(
          (tx) =>
            work(
              override(
                tx,
                sqlOn(() => place.open ?? tx),
              ),
            ),
          options,
        );
      return places.run(place, begin);
    },
    $disconnect: async () => {
      await client.$disconnect();
      await (ended ??= pool.end());
    },
  };
  return override(prisma, members);
}

function override<T extends object>(target: T, members: object): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(members, name)) return Reflect.get(members, name) as unknown;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' && typeof name === 'string' && name.startsWith('$')
        ? (member.bind(target) as unknown)
        : member;
    },
  });
}

type Statements = Pick<SqlQueryable, 'queryRaw' | 'executeRaw'>;

/** Plain SQL on whatever this answers as each statement is sent: nothing may come between, such as the transaction's end. */
const sqlOn = (where: () => Statements | SqlExecutor): SqlExecutor => ({
  $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]): Promise<T> => {
    const place = where();
    if ('$queryRawUnsafe' in place) return place.$queryRawUnsafe<T>(sql, ...values);
    const { columnNames, columnTypes, rows } = await place.queryRaw(queryOf(sql, values)).catch(rethrow);
    const readers = columnTypes.map(readerOf);
    return rows.map((row) =>
      Object.fromEntries(row.map((value, nth) => [columnNames[nth]!, value === null ? null : readers[nth]!(value)])),
    ) as T;
  },
  $executeRawUnsafe: async (sql, ...values) => {
    const place = where();
    if ('$executeRawUnsafe' in place) return place.$executeRawUnsafe(sql, ...values);
    return place.executeRaw(queryOf(sql, values)).catch(rethrow);
  },
});

const ANY = { scalarType: 'unknown', arity: 'scalar' } as const;

const queryOf = (sql: string, values: readonly unknown[]) => ({
  sql,
  // An instant with its zone: without one it would be of the session's.
  args: values.map((value) => (value instanceof Date ? value.toISOString() : (value ?? null))),
  argTypes: values.map(() => ANY),
});

function rethrow(error: unknown): never {
  const fault = (error as { cause?: unknown }).cause;
  if ((error as Error).name === 'DriverAdapterError' && typeof fault === 'object' && fault !== null)
    throw new SqlError(error, fault);
  throw error;
}

type Reader = (value: unknown) => unknown;
const asIs: Reader = (value) => value;
const asBigInt: Reader = (value) => BigInt(value as string);
const asDate: Reader = (value) => new Date(value as string);
const each =
  (reader: Reader): Reader =>
  (values) =>
    (values as unknown[]).map((value) => (value === null ? null : reader(value)));
const refused: Reader = () => {
  throw new TypeError('This type of column has no reading here: cast it to one of text, bigint, double precision.');
};

/** As Prisma reads them, so that a statement means the same wherever it runs. */
const READERS: Partial<Record<ColumnType, Reader>> = {
  [ColumnTypeEnum.Int64]: asBigInt,
  [ColumnTypeEnum.Int64Array]: each(asBigInt),
  [ColumnTypeEnum.Date]: asDate,
  [ColumnTypeEnum.DateTime]: asDate,
  [ColumnTypeEnum.DateTimeArray]: each(asDate),
  [ColumnTypeEnum.Json]: (value) => JSON.parse(value as string) as unknown,
  [ColumnTypeEnum.JsonArray]: each((value) => JSON.parse(value as string) as unknown),
  [ColumnTypeEnum.Bytes]: (value) => new Uint8Array(value as Buffer),
  [ColumnTypeEnum.Numeric]: refused,
  [ColumnTypeEnum.NumericArray]: refused,
  [ColumnTypeEnum.Time]: refused,
  [ColumnTypeEnum.TimeArray]: refused,
};

const readerOf = (type: ColumnType): Reader => READERS[type] ?? asIs;
