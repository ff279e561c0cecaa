import { Inject, Injectable } from '@nestjs/common';
import { execute, sql } from '@dsops/database';
import type { ApiKey, Prisma, PrismaClient } from '@dsops/database/gateway';
import { DATABASE } from '@dsops/service';

export type Transaction = Prisma.TransactionClient;

/** Serialises what may change which admin keys there are. */
const LOCK = 4_127_533_041;
const LAST_USED_STEP_MS = 60_000;

@Injectable()
export class ApiKeyRepository {
  constructor(@Inject(DATABASE) private readonly db: PrismaClient) {}

  find(id: string): Promise<ApiKey | null> {
    return this.db.apiKey.findUnique({ where: { id } });
  }

  /** Newest first. `before`: the id after which the former page ended. */
  list(limit: number, before?: string): Promise<ApiKey[]> {
    const where = before === undefined ? {} : { id: { lt: before } };
    return this.db.apiKey.findMany({ where, orderBy: { id: 'desc' }, take: limit });
  }

  /** Notes the use, at most once a minute, whoever else does at the same time. */
  async touch(id: string, now: Date): Promise<void> {
    await this.db.apiKey.updateMany({
      where: { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: new Date(now.getTime() - LAST_USED_STEP_MS) } }] },
      data: { lastUsedAt: now },
    });
  }

  isTouchDue(key: ApiKey, now: Date): boolean {
    return key.lastUsedAt === null || now.getTime() - key.lastUsedAt.getTime() >= LAST_USED_STEP_MS;
  }

  /** Which of these may be used no longer. */
  async revokedAmong(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const usable = await this.db.apiKey.findMany({
      where: { id: { in: [...ids] }, revokedAt: null },
      select: { id: true },
    });
    return ids.filter((id) => !usable.some((key) => key.id === id));
  }

  async lock(tx: Transaction): Promise<void> {
    await execute(tx, sql`select pg_advisory_xact_lock(${LOCK})`);
  }

  findWithin(tx: Transaction, id: string): Promise<ApiKey | null> {
    return tx.apiKey.findUnique({ where: { id } });
  }

  usableAdmins(tx: Transaction): Promise<ApiKey[]> {
    return tx.apiKey.findMany({ where: { role: 'admin', revokedAt: null }, orderBy: { id: 'asc' } });
  }

  async insert(tx: Transaction, key: ApiKey): Promise<void> {
    await tx.apiKey.create({ data: key });
  }

  async revoke(tx: Transaction, id: string, now: Date): Promise<void> {
    await tx.apiKey.update({ where: { id }, data: { revokedAt: now } });
  }
}
