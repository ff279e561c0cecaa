import type { Prisma } from '@dsops/database/rotation';

/** A transaction of the rotation service's database. */
export type Tx = Prisma.TransactionClient;
