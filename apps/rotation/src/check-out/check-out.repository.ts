import { actorSchema, type Actor } from '@dsops/contracts/principal';
import { query, sql } from '@dsops/database';
import type { Prisma } from '@dsops/database/rotation';
import { LONGEST_CHECK_OUT_MS } from '@dsops/contracts/rotation/api';
import type { Tx } from '../database/tx.js';

/** Who holds a value until when. */
export interface CheckOut {
  readonly id: string;
  readonly versionId: string;
  readonly principal: Actor;
  readonly purpose: string | null;
  readonly grantedAt: Date;
  readonly expiresAt: Date;
  readonly releasedAt: Date | null;
  /** Idempotency-Key and hash of the request that made it. */
  readonly idempotencyKey: string;
  readonly requestHash: string;
}

/** The id of a hold that stands for check-outs which this database may have lost when it was restored. */
export const UNKNOWN_CHECK_OUT = 'unknown';

/** A check-out that keeps a value alive. */
export interface Hold {
  readonly id: string;
  /** Null when it is not known since when. */
  readonly grantedAtMs: number | null;
  readonly expiresAtMs: number;
}

export class CheckOutRepository {
  /** @returns false, and nothing was changed, when the same request made one in the meantime. */
  async insert(tx: Tx, checkOut: CheckOut): Promise<boolean> {
    const { principal, ...facts } = checkOut;
    const row = { ...facts, principal: { ...principal }, principalId: principal.id };
    const { count } = await tx.checkOut.createMany({ data: [row], skipDuplicates: true });
    return count === 1;
  }

  async find(tx: Tx, id: string): Promise<CheckOut | null> {
    const row = await tx.checkOut.findUnique({ where: { id } });
    return row && checkOutOf(row);
  }

  /** The check-out that this request made before. */
  async findByRequest(tx: Tx, principalId: string, idempotencyKey: string): Promise<CheckOut | null> {
    const row = await tx.checkOut.findFirst({ where: { principalId, idempotencyKey } });
    return row && checkOutOf(row);
  }

  /** @returns false when it was released before. */
  async release(tx: Tx, id: string, at: Date): Promise<boolean> {
    const { count } = await tx.checkOut.updateMany({ where: { id, releasedAt: null }, data: { releasedAt: at } });
    return count === 1;
  }

  /** What keeps this version alive at `nowMs`. Complete only while the caller has the version's row locked. */
  async holdsOf(tx: Tx, versionId: string, nowMs: number): Promise<Hold[]> {
    const now = new Date(nowMs);
    // Versions that are younger than the restore were never in the hands of the former installation.
    const rows = await query<{ id: string; grantedAt: Date | null; expiresAt: Date }>(
      tx,
      sql`select id, granted_at as "grantedAt", expires_at as "expiresAt" from check_outs
           where version_id = ${versionId} and released_at is null and expires_at > ${now}
          union all
          select ${UNKNOWN_CHECK_OUT}, null, presumed.until
            from (select check_outs_presumed_until as until from installation) presumed join versions v on v.id = ${versionId}
             and v.created_at <= presumed.until - make_interval(secs => ${LONGEST_CHECK_OUT_MS / 1000})
           where presumed.until > ${now}`,
    );
    return rows.map(({ id, grantedAt, expiresAt }) => ({
      id,
      grantedAtMs: grantedAt?.getTime() ?? null,
      expiresAtMs: expiresAt.getTime(),
    }));
  }
}

const checkOutOf = (row: Prisma.CheckOutGetPayload<object>): CheckOut => {
  const { principalId: _, principal, ...facts } = row;
  return { ...facts, principal: actorSchema.parse(principal) };
};
