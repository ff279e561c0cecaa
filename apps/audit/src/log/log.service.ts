import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { AuditEntry } from '@dsops/contracts/audit/api';
import type { Actor } from '@dsops/contracts/principal';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import type { SqlExecutor } from '@dsops/database';
import { cursorOf, type Page } from '@dsops/platform';
import { hashOf, walkEnd, walkOn, walkStart } from './chain.js';
import { entitiesOf, entryOf } from './entry.js';
import { LogRepository, type EntryFilter, type Link } from './log.repository.js';

export interface ChainReport {
  readonly entries: number;
  /** Hash of the last entry in hex; null while there is none. */
  readonly head: string | null;
  readonly firstBroken: number | null;
}

const places = cursorOf(z.int().positive());

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
  ): Promise<Page<AuditEntry>> {
    const before = places.read(cursor);
    const found = await this.log.list({ filter, limit: limit + 1, ...(before === undefined ? {} : { before }) });
    return places.pageOf(found, limit, ({ position }) => position);
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
