import { Inject, Injectable } from '@nestjs/common';
import type { AuditEntry } from '@dsops/contracts/audit/api';
import { execute, queryOne, sql, type SqlExecutor } from '@dsops/database';
import type { Entry, Prisma, PrismaClient } from '@dsops/database/audit';
import { DATABASE } from '@dsops/service';
import { canonicalJson, CHAIN_START, type Head } from './chain.js';
import type { Entity, NewEntry } from './entry.js';

export interface EntryFilter {
  /** `kind` absent: this id, whatever it names. */
  readonly entity?: { readonly kind?: string; readonly id: string };
  /** Id or name. */
  readonly actor?: string;
  /** An action or the beginning of some. */
  readonly action?: string;
  /** Both ends are included. */
  readonly since?: Date;
  readonly until?: Date;
}

interface EntryPage {
  readonly filter: EntryFilter;
  /** The head: what stands behind it is none of the log. */
  readonly upTo: number;
  /** Only entries before this position. */
  readonly before?: number;
  readonly limit: number;
}

/** An entry at its place in the chain, with every entity whose history it belongs to. */
export type Link = NewEntry & Head & { readonly entities: readonly Entity[] };

const WALK_BATCH = 500;

/** The log's tables. It can add and read; the database refuses everything else. */
@Injectable()
export class LogRepository {
  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  /** Locks the head of the chain until the transaction ends. */
  async lockHead(tx: SqlExecutor): Promise<Head> {
    const head = await queryOne<{ head_position: bigint; head_hash: Uint8Array }>(
      tx,
      sql`select head_position, head_hash from audit.lock_head()`,
    );
    return { position: Number(head.head_position), hash: head.head_hash };
  }

  /** Adds the next entries of the chain, in their order. Needs {@link lockHead}. */
  async append(tx: SqlExecutor, links: readonly Link[]): Promise<void> {
    const entities = links.flatMap((link) => link.entities.map((entity) => ({ ...entity, position: link.position })));
    await execute(
      tx,
      sql`with added as (
         insert into audit.entries (position, event_id, at, actor_kind, actor_id, actor_name, action,
                                    entity_kind, entity_id, details, hash)
         select position, event_id, at::timestamptz, actor_kind, actor_id, actor_name, action,
                entity_kind, entity_id, details::json, decode(hash, 'hex')
           from unnest(
             ${links.map(({ position }) => position)}::bigint[],
             ${links.map(({ eventId }) => eventId)}::text[],
             ${links.map(({ at }) => at)}::text[],
             ${links.map(({ actor }) => actor.kind)}::text[],
             ${links.map(({ actor }) => actor.id)}::text[],
             ${links.map(({ actor }) => actor.name)}::text[],
             ${links.map(({ action }) => action)}::text[],
             ${links.map(({ entity }) => entity.kind)}::text[],
             ${links.map(({ entity }) => entity.id)}::text[],
             ${links.map(({ details }) => canonicalJson(details))}::text[],
             ${links.map(({ hash }) => Buffer.from(hash).toString('hex'))}::text[]
           )
                as link (position, event_id, at, actor_kind, actor_id, actor_name, action,
                         entity_kind, entity_id, details, hash)
          order by position)
       insert into audit.entry_entities (position, kind, id)
       select * from unnest(
         ${entities.map(({ position }) => position)}::bigint[],
         ${entities.map(({ kind }) => kind)}::text[],
         ${entities.map(({ id }) => id)}::text[]
       )`,
    );
  }

  /** Newest first. */
  async list({ filter, upTo, before, limit }: EntryPage): Promise<AuditEntry[]> {
    const entries = await this.database.entry.findMany({
      where: { ...whereOf(filter), position: { lte: Math.min(upTo, (before ?? Infinity) - 1) } },
      orderBy: { position: 'desc' },
      take: limit,
    });
    return entries.map(entryFromRow);
  }

  async head(): Promise<Head> {
    const { position, hash } = await this.database.chainHead.findFirstOrThrow();
    return { position: Number(position), hash };
  }

  /** Of the entry at this place; null when there is none. */
  async hashAt(position: number): Promise<Uint8Array | null> {
    if (position === 0) return CHAIN_START.hash;
    const row = await this.database.entry.findUnique({ where: { position }, select: { hash: true } });
    return row === null ? null : row.hash;
  }

  /** Rows behind the head, which only somebody else can have put there. */
  async countBeyond(): Promise<number> {
    const { amount } = await queryOne<{ amount: number }>(
      this.database,
      sql`select count(*)::double precision as amount from audit.entries e, audit.chain_head h where e.position > h.position`,
    );
    return amount;
  }

  /** Has an entry with this action happened after this instant? */
  async hasSince(action: string, since: Date): Promise<boolean> {
    return (await this.database.entry.count({ where: { action, at: { gt: since } }, take: 1 })) > 0;
  }

  /** Every entry up to this position, oldest first, read in batches. */
  async *walk(last: number): AsyncGenerator<AuditEntry> {
    for (let after = 0; ;) {
      const rows = await this.database.entry.findMany({
        where: { position: { gt: after, lte: last } },
        orderBy: { position: 'asc' },
        take: WALK_BATCH,
      });
      yield* rows.map(entryFromRow);
      const end = rows.at(-1);
      if (end === undefined || rows.length < WALK_BATCH) return;
      after = Number(end.position);
    }
  }
}

function whereOf({ entity, actor, action, since, until }: EntryFilter): Prisma.EntryWhereInput {
  return {
    ...(entity === undefined ? {} : { entities: { some: entity } }),
    ...(actor === undefined ? {} : { OR: [{ actorId: actor }, { actorName: actor }] }),
    ...(action === undefined ? {} : { action: { startsWith: literally(action) } }),
    ...(since === undefined && until === undefined
      ? {}
      : { at: { ...(since === undefined ? {} : { gte: since }), ...(until === undefined ? {} : { lte: until }) } }),
  };
}

/** Prisma passes `%` and `_` on to LIKE, where they stand for anything. */
const literally = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

const entryFromRow = (row: Entry): AuditEntry => ({
  position: Number(row.position),
  eventId: row.eventId,
  at: row.at.toISOString(),
  actor: { kind: row.actorKind as AuditEntry['actor']['kind'], id: row.actorId, name: row.actorName },
  action: row.action,
  entity: { kind: row.entityKind, id: row.entityId },
  details: row.details as Record<string, unknown>,
  hash: Buffer.from(row.hash).toString('hex'),
});
