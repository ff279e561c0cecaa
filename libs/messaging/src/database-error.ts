import { execute, raw, sql, type SqlExecutor, sqlState } from '@dsops/database';

/** Prisma's own words for what its adapter has translated: write conflict or deadlock. */
const WRITE_CONFLICT = 'P2034';
const DEADLOCK = '40P01';
const SERIALIZATION = '40001';

const prismaCode = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
};

/** The database asks to run the whole transaction again: deadlock or serialization failure. */
export function isRerun(error: unknown): boolean {
  const state = sqlState(error);
  return (
    state === DEADLOCK ||
    state === SERIALIZATION ||
    prismaCode(error) === WRITE_CONFLICT ||
    prismaCode(error) === DEADLOCK ||
    prismaCode(error) === SERIALIZATION
  );
}

/** A savepoint around one step of a transaction. Prisma has none for interactive transactions, so they are written out. */
export const savepoint = {
  set: (tx: SqlExecutor, name: string) => execute(tx, sql`savepoint ${raw(name)}`),
  release: (tx: SqlExecutor, name: string) => execute(tx, sql`release savepoint ${raw(name)}`),
  rollBackTo: (tx: SqlExecutor, name: string) => execute(tx, sql`rollback to savepoint ${raw(name)}`),
};
