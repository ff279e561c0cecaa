/** What raw SQL needs of a Prisma client or of its transaction. Parameters are `$1, $2, …`, arrays included. */
export interface SqlExecutor {
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>;
  $executeRawUnsafe(query: string, ...values: unknown[]): Promise<number>;
}

/** The part of a generated Prisma client that this product relies on beside its models. */
export interface Database<Tx extends SqlExecutor = SqlExecutor> extends SqlExecutor {
  $transaction<R>(work: (tx: Tx) => Promise<R>, options?: { maxWait?: number; timeout?: number }): Promise<R>;
  $disconnect(): Promise<void>;
}
