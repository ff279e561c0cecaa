import { Injectable } from '@nestjs/common';
import type { AuditEntry } from '@dsops/contracts/audit/api';
import type { Actor } from '@dsops/contracts/principal';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import type { SqlExecutor } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import { hashOf, walkEnd, walkOn, walkStart } from './chain.js';
import { entitiesOf, entryOf } from './entry.js';
import { LogRepository, type EntryFilter, type Link } from './log.repository.js';

export interface ChainReport {
  readonly entries: number;
  /** Hash of the last entry in hex; null while there is none. */
  readonly head: string | null;
  readonly firstBroken: number | null;
}

@Injectable()
export class LogService {
  constructor(private readonly log: LogRepository) {}

  /**
   * Appends the events to the chain in the consumer's transaction. The head is locked after the cursors and held to the
   * commit, so that positions are gapless and in the order of commits, over any number of replicas.
   */
  async record(events: readonly EventEnvelope<{ actor: Actor }>[], tx: SqlExecutor): Promise<void> {
    const links: Link[] = [];
    let { position, hash } = await this.log.lockHead(tx);
    for (const event of events) {
      const entry = entryOf(event);
      position += 1;
      hash = hashOf(hash, { ...entry, position });
      links.push({ ...entry, position, hash, entities: entitiesOf(entry) });
    }
    await this.log.append(tx, links);
  }

  /**
   * Newest first.
   * @throws DomainError `cursor_invalid`
   */
  async list(
    filter: EntryFilter,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ): Promise<{ items: AuditEntry[]; next: string | null }> {
    const entries = await this.log.list({
      filter,
      limit: limit + 1,
      ...(cursor === undefined ? {} : { before: positionOf(cursor) }),
    });
    const items = entries.slice(0, limit);
    return { items, next: entries.length > limit ? String(items.at(-1)?.position) : null };
  }

  /** Recomputes the chain up to the head it finds now; entries that come meanwhile are left to the next look. */
  async verify(): Promise<ChainReport> {
    const head = await this.log.head();
    let walk = walkStart;
    for await (const entry of this.log.walk(head.position)) walk = walkOn(walk, entry);
    const { entries, last, firstBroken } = walkEnd(walk, head);
    return { entries, head: entries === 0 ? null : Buffer.from(last.hash).toString('hex'), firstBroken };
  }
}

function positionOf(cursor: string): number {
  if (!/^[1-9]\d{0,15}$/.test(cursor))
    throw new DomainError('cursor_invalid', 'invalid', 'This cursor is not one of ours.', {
      path: 'query.cursor',
      remedy: 'Give back `next` of the page before, or leave the cursor out to start at the newest entry.',
    });
  return Number(cursor);
}
