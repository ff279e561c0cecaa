import { Inject, Injectable } from '@nestjs/common';
import { actorSchema } from '@dsops/contracts/principal';
import { query, sql } from '@dsops/database';
import type { OpenRequest as Row, Prisma, PrismaClient } from '@dsops/database/gateway';
import type { Caller } from '@dsops/platform';
import { DATABASE } from '@dsops/service';

export type Transaction = Prisma.TransactionClient;

/** A request that may change something, while its outcome is not recorded. */
export interface OpenRequest {
  /** The request's id, a ULID. */
  readonly id: string;
  readonly principal: Caller['actor'];
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly startedAt: Date;
}

@Injectable()
export class AccessRecordRepository {
  constructor(@Inject(DATABASE) private readonly db: PrismaClient) {}

  async add(request: OpenRequest): Promise<void> {
    await this.db.openRequest.create({ data: request });
  }

  /** Answers false when somebody else has recorded its outcome already. */
  async take(tx: Transaction, id: string): Promise<boolean> {
    return (await tx.openRequest.deleteMany({ where: { id } })).count === 1;
  }

  /** Takes what began before this instant; rows that another process takes at this moment are passed over. */
  async takeOlder(tx: Transaction, before: Date, limit: number): Promise<OpenRequest[]> {
    const found = await query<{ id: string }>(
      tx,
      sql`select id from open_requests where started_at < ${before}::timestamptz
          order by started_at limit ${limit}::int for update skip locked`,
    );
    const where = { id: { in: found.map(({ id }) => id) } };
    const rows = await tx.openRequest.findMany({ where });
    await tx.openRequest.deleteMany({ where });
    return rows.map(read);
  }
}

const read = (row: Row): OpenRequest => ({ ...row, principal: actorSchema.parse(row.principal) });
