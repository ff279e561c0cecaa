import { addressSchema } from '@dsops/contracts/rotation/targets/define-target';
import { verdictSchema } from '@dsops/contracts/rotation/states';
import { columns, execute, join, query, sql } from '@dsops/database';
import type { Prisma } from '@dsops/database/rotation';
import type { Tx } from '../database/tx.js';
import type { SealedValue } from '@dsops/sealing';
import type { VaultPlace } from './vault-place.js';
import type { LabelMove, Version, VersionLabel } from './version.js';

type VersionRow = Prisma.VersionGetPayload<object>;

const COLUMNS = columns<VersionRow>({
  id: 'id',
  credentialId: 'credential_id',
  name: 'name',
  slot: 'slot',
  login: 'login',
  target: 'target',
  label: 'label',
  verdict: 'verdict',
  verdictAt: 'verdict_at',
  createdAt: 'created_at',
  endIntendedAt: 'end_intended_at',
  endedAt: 'ended_at',
  burnedAt: 'burned_at',
});

const SEALED = columns<SealedValue>({
  keyId: 'key_id',
  algorithm: 'algorithm',
  wrapNonce: 'wrap_nonce',
  wrappedKey: 'wrapped_key',
  wrapTag: 'wrap_tag',
  nonce: 'nonce',
  ciphertext: 'ciphertext',
  tag: 'tag',
});

/** What changes about a version after it was made, apart from its label. */
const CHANGING = {
  verdict: sql`verdict`,
  verdictAt: sql`verdict_at`,
  endIntendedAt: sql`end_intended_at`,
  endedAt: sql`ended_at`,
  burnedAt: sql`burned_at`,
};
type Change = Partial<Pick<Version, keyof typeof CHANGING>>;

/** Days that a value stays sealed after its end, and after its service was removed. */
export const KEPT_DAYS = 30;

/** Versions and their sealed values: the rows, nothing of what is in them. */
export class VaultRepository {
  async insert(tx: Tx, version: Version): Promise<void> {
    await tx.version.create({ data: { ...version, target: { ...version.target } } });
  }

  async find(tx: Tx, versionId: string): Promise<Version | null> {
    const [row] = await query<VersionRow>(tx, sql`select ${COLUMNS} from versions where id = ${versionId}`);
    return row === undefined ? null : versionOf(row);
  }

  /** Newest first: all of them, or the newest `limit` and those with a label. */
  async ofCredential(tx: Tx, credentialId: string, limit?: number): Promise<Version[]> {
    const rows = await query<VersionRow>(
      tx,
      sql`select ${COLUMNS} from versions where credential_id = ${credentialId} and (label is not null or id in (
            select id from versions where credential_id = ${credentialId} order by id desc limit ${limit}::int))
          order by id desc`,
    );
    return rows.map(versionOf);
  }

  /** Of each credential the newest `limit` and those with a label, newest first; one statement however many there are. */
  async ofCredentials(tx: Tx, credentialIds: readonly string[], limit: number): Promise<Version[]> {
    const rows = await query<VersionRow>(
      tx,
      sql`
      select v.id, v.credential_id as "credentialId", v.name, v.slot, v.login, v.target, v.label, v.verdict,
        v.verdict_at as "verdictAt", v.created_at as "createdAt", v.end_intended_at as "endIntendedAt",
        v.ended_at as "endedAt", v.burned_at as "burnedAt"
      from unnest(${credentialIds}::text[]) as c(id) cross join lateral (
        (select * from versions where credential_id = c.id order by id desc limit ${limit}::int)
        union
        (select * from versions where credential_id = c.id and label is not null)
      ) v order by v.id desc`,
    );
    return rows.map(versionOf);
  }

  /** Locks the version's row to the end of the transaction: check-out and guard meet here. */
  async lock(tx: Tx, versionId: string): Promise<Version | null> {
    const [row] = await query<VersionRow>(tx, sql`select ${COLUMNS} from versions where id = ${versionId} for update`);
    return row === undefined ? null : versionOf(row);
  }

  /** Locks the row that is CURRENT. */
  async lockCurrent(tx: Tx, credentialId: string): Promise<Version | null> {
    // While this waits for a promotion, the row it waits for loses its label and is found no more: look once again.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const [row] = await query<VersionRow>(
        tx,
        sql`select ${COLUMNS} from versions where credential_id = ${credentialId} and label = 'CURRENT' for update`,
      );
      if (row !== undefined) return versionOf(row);
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
    await execute(tx, sql`update versions set label = null where id = any(${ids})`);
    // What is CURRENT was proven to be accepted: an end that was intended or recorded earlier is over.
    await execute(
      tx,
      sql`update versions v set label = move.label,
            end_intended_at = case when move.label = 'CURRENT' then null else v.end_intended_at end,
            ended_at = case when move.label = 'CURRENT' then null else v.ended_at end
          from unnest(${ids}::text[], ${moves.map(({ to }) => to)}::text[]) as move(id, label)
          where v.id = move.id and move.label is not null`,
    );
    return true;
  }

  /** @param change at least one of them */
  async update(tx: Tx, versionId: string, change: Change): Promise<void> {
    const sets = (Object.keys(change) as (keyof Change)[]).map((name) => sql`${CHANGING[name]} = ${change[name]}`);
    await execute(tx, sql`update versions set ${join(sets)} where id = ${versionId}`);
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
    const { ownerKind, ownerId } = keyOf(place);
    const [row] = await query<SealedValue>(
      tx,
      sql`select ${SEALED} from sealed_values where owner_kind = ${ownerKind} and owner_id = ${ownerId}`,
    );
    return row ?? null;
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
  verdict: row.verdict === null ? null : verdictSchema.parse(row.verdict),
});
