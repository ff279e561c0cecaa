import { Inject, Injectable } from '@nestjs/common';
import type { AuditEntry } from '@dsops/contracts';
import type { SqlExecutor } from '@dsops/database';
import type { Entry, Prisma, PrismaClient } from '@dsops/database/audit';
import { DATABASE } from '../audit.options.js';
import { canonicalJson, type Head } from './chain.js';
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
  /** Only entries before this position. */
  readonly before?: number;
  readonly limit: number;
}

const WALK_BATCH = 500;

/** The log's tables. It can add and read; the database refuses everything else. */
@Injectable()
export class LogRepository {
  /** The head as this process has left it, in transactions that hold its lock. */
  private readonly lockedHeads = new WeakMap<SqlExecutor, Head>();

  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  /**
   * Locks the head of the chain until the transaction ends. Within one transaction it is asked for once: nobody else
   * moves a locked head, and it is remembered only after an entry has gone in.
   */
  async lockHead(tx: SqlExecutor): Promise<Head> {
    const known = this.lockedHeads.get(tx);
    if (known !== undefined) return known;
    const [head] = await tx.$queryRawUnsafe<[{ head_position: bigint; head_hash: Uint8Array }]>(
      'select head_position, head_hash from audit.lock_head()',
    );
    return { position: Number(head.head_position), hash: head.head_hash };
  }

  /** Adds the next entry of the chain, with the entities whose history it belongs to. Needs {@link lockHead}. */
  async append(tx: SqlExecutor, entry: NewEntry, head: Head, entities: readonly Entity[]): Promise<void> {
    await tx.$executeRawUnsafe(
      `with entry as (
         insert into audit.entries (position, event_id, at, actor_kind, actor_id, actor_name, action,
                                    entity_kind, entity_id, details, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::json, $11)
         returning position)
       insert into audit.entry_entities (position, kind, id)
       select entry.position, entity.kind, entity.id
         from entry, unnest($12::text[], $13::text[]) as entity (kind, id)`,
      head.position,
      entry.eventId,
      new Date(entry.at),
      entry.actor.kind,
      entry.actor.id,
      entry.actor.name,
      entry.action,
      entry.entity.kind,
      entry.entity.id,
      canonicalJson(entry.details),
      head.hash,
      entities.map(({ kind }) => kind),
      entities.map(({ id }) => id),
    );
    this.lockedHeads.set(tx, head);
  }

  /** Newest first. */
  async list({ filter, before, limit }: EntryPage): Promise<AuditEntry[]> {
    const entries = await this.database.entry.findMany({
      where: { ...whereOf(filter), ...(before === undefined ? {} : { position: { lt: before } }) },
      orderBy: { position: 'desc' },
      take: limit,
    });
    return entries.map(entryFromRow);
  }

  async head(): Promise<Head> {
    const { position, hash } = await this.database.chainHead.findFirstOrThrow();
    return { position: Number(position), hash };
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
