import { Injectable } from '@nestjs/common';
import { addressSchema } from '@dsops/contracts/rotation/targets/define-target';
import { verdictSchema, type ProbeVerdict } from '@dsops/contracts/rotation/states';
import { execute, query, sql } from '@dsops/database';
import type { Prisma } from '@dsops/database/rotation';
import type { Tx } from '../database/tx.js';
import type { SealedValue } from '@dsops/sealing';
import type { VaultPlace } from './vault-place.js';
import type { LabelMove, Version, VersionLabel } from './version.js';

type VersionRow = Prisma.VersionGetPayload<object>;

/** Days that a value stays sealed after its end, and after its service was removed. */
export const KEPT_DAYS = 30;

/** Versions and their sealed values: the rows, nothing of what is in them. */
@Injectable()
export class VaultRepository {
  async insert(tx: Tx, version: Version): Promise<void> {
    await tx.version.create({ data: { ...version, target: { ...version.target } } });
  }

  async find(tx: Tx, versionId: string): Promise<Version | null> {
    const row = await tx.version.findUnique({ where: { id: versionId } });
    return row && versionOf(row);
  }

  /** Newest first: all of them, or the newest `limit` and those with a label. */
  async ofCredential(tx: Tx, credentialId: string, limit?: number): Promise<Version[]> {
    const newest = await tx.version.findMany({
      where: { credentialId },
      orderBy: { id: 'desc' },
      ...(limit === undefined ? {} : { take: limit }),
    });
    if (newest.length < (limit ?? Infinity)) return newest.map(versionOf);
    const oldest = newest.at(-1)?.id ?? '';
    const older = await tx.version.findMany({
      where: { credentialId, label: { not: null }, id: { lt: oldest } },
      orderBy: { id: 'desc' },
    });
    return [...newest, ...older].map(versionOf);
  }

  /** Locks the version's row to the end of the transaction: check-out and guard meet here. */
  async lock(tx: Tx, versionId: string): Promise<Version | null> {
    await query(tx, sql`select id from versions where id = ${versionId} for update`);
    return this.find(tx, versionId);
  }

  /** Locks the row that is CURRENT. */
  async lockCurrent(tx: Tx, credentialId: string): Promise<Version | null> {
    // While this waits for a promotion, the row it waits for loses its label and is found no more: look once again.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const [row] = await query<{ id: string }>(
        tx,
        sql`select id from versions where credential_id = ${credentialId} and label = 'CURRENT' for update`,
      );
      if (row !== undefined) return this.find(tx, row.id);
    }
    return null;
  }

  /** @returns false, and nothing was changed, when a label was not where it should be or the version is burned. */
  async moveLabels(tx: Tx, credentialId: string, moves: readonly LabelMove[]): Promise<boolean> {
    const ids = moves.map(({ versionId }) => versionId);
    const present = await query<{ id: string; label: VersionLabel | null; isBurned: boolean }>(
      tx,
      sql`select id, label, burned_at is not null as "isBurned" from versions
      where credential_id = ${credentialId} and (label is not null or id = any(${ids}))
      order by id for update`,
    );
    const canMove = moves.every(({ versionId, from, to }) =>
      present.some(({ id, label, isBurned }) => id === versionId && label === from && !(isBurned && isUsable(to))),
    );
    const stays = present.filter(({ id }) => !ids.includes(id)).map(({ label }) => label);
    if (!canMove || moves.some(({ to }) => to !== null && stays.includes(to))) return false;
    // Two statements, because a label must be free before another version takes it.
    await tx.version.updateMany({ where: { id: { in: ids } }, data: { label: null } });
    for (const { versionId, to } of moves)
      if (to !== null)
        await tx.version.update({
          where: { id: versionId },
          // What is CURRENT was proven to be accepted: an end that was intended or recorded earlier is over.
          data: { label: to, ...(to === 'CURRENT' ? { endIntendedAt: null, endedAt: null } : {}) },
        });
    return true;
  }

  async update(
    tx: Tx,
    versionId: string,
    change: Partial<Pick<Version, 'verdict' | 'verdictAt' | 'endIntendedAt' | 'endedAt' | 'burnedAt'>>,
  ): Promise<void> {
    await tx.version.update({ where: { id: versionId }, data: change });
  }

  async putSealed(tx: Tx, place: VaultPlace, sealed: SealedValue, sealedAt: Date): Promise<void> {
    const key = keyOf(place);
    await tx.sealedValue.upsert({
      where: { ownerKind_ownerId: key },
      create: { ...key, ...sealed, sealedAt },
      update: { ...sealed, sealedAt },
    });
  }

  async sealed(tx: Tx, place: VaultPlace): Promise<SealedValue | null> {
    return tx.sealedValue.findUnique({ where: { ownerKind_ownerId: keyOf(place) } });
  }

  /** Deletes what has been kept long enough: of ended versions, and of everything a removed service had. */
  async destroyExpired(tx: Tx): Promise<number> {
    return execute(
      tx,
      sql`with over as (
        select 'version' as kind, v.id from versions v
          join credentials c on c.id = v.credential_id join services s on s.id = c.service_id
          where (v.ended_at < now() - make_interval(days => ${KEPT_DAYS}) and v.label is distinct from 'CURRENT')
             or s.removed_at < now() - make_interval(days => ${KEPT_DAYS})
        union all
        select 'admin', s.id from services s where s.removed_at < now() - make_interval(days => ${KEPT_DAYS}))
      delete from sealed_values sealed using over where sealed.owner_kind = over.kind and sealed.owner_id = over.id`,
    );
  }
}

/** Labels under which a value may be set or given out. */
const isUsable = (label: VersionLabel | null): boolean => label === 'PENDING' || label === 'CURRENT';

const keyOf = ({ purpose, ownerId }: VaultPlace) => ({ ownerKind: purpose, ownerId });

const versionOf = (row: VersionRow): Version => ({
  ...row,
  target: addressSchema.parse(row.target),
  label: row.label as VersionLabel | null,
  verdict: row.verdict === null ? null : (verdictSchema.parse(row.verdict) satisfies ProbeVerdict),
});
