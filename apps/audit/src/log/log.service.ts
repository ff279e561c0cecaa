import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { AuditEntry, verifyAudit } from '@dsops/contracts/audit/api';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import type { Actor } from '@dsops/contracts/principal';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import type { SqlExecutor } from '@dsops/database';
import { cursorOf, type Page } from '@dsops/platform';
import { hashOf, walkEnd, walkOn, walkStart } from './chain.js';
import { entitiesOf, entryOf } from './entry.js';
import { compareHeads } from './kept-head.js';
import { HEAD_FILE, type HeadFile } from './kept-head.store.js';
import { LogRepository, type EntryFilter, type Link } from './log.repository.js';

export type ChainReport = ResponseOf<typeof verifyAudit>;

const places = cursorOf(z.int().positive());

@Injectable()
export class LogService {
  constructor(
    private readonly log: LogRepository,
    @Inject(HEAD_FILE) private readonly keptHead: HeadFile | null,
  ) {}

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
    const upTo = (await this.log.head()).position;
    const found = await this.log.list({ filter, upTo, limit: limit + 1, ...(before === undefined ? {} : { before }) });
    return places.pageOf(found, limit, ({ position }) => position);
  }

  /**
   * Recomputes the chain up to the head it finds now; entries that come meanwhile are left to the next look. What it
   * cannot see: a change by somebody who can write the database and the kept head, and a cut within the second before
   * that is written.
   */
  async verify(): Promise<ChainReport> {
    const kept = (await this.keptHead?.read()) ?? null;
    const head = await this.log.head();
    let walk = walkStart;
    for await (const entry of this.log.walk(head.position)) walk = walkOn(walk, entry);
    const { entries, last, firstBroken } = walkEnd(walk, head);
    const comparison =
      kept === null
        ? ({ kind: 'fits' } as const)
        : compareHeads(kept, head, await this.log.hashAt(Math.min(kept.position, head.position)));
    return {
      entries,
      head: entries === 0 ? null : Buffer.from(last.hash).toString('hex'),
      firstBroken,
      keptPosition: kept?.position ?? null,
      missing: comparison.kind === 'cut' ? comparison.missing : 0,
      isRewritten: comparison.kind === 'rewritten',
      beyond: await this.log.countBeyond(),
    };
  }
}
