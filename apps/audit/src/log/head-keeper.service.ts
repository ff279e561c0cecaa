import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Every } from '@dsops/background';
import { restoreConfirmed } from '@dsops/contracts/rotation/events';
import type { Clock } from '@dsops/kernel';
import { HealthChecks, Trouble, type Logger } from '@dsops/platform';
import { CLOCK, LOGGER } from '@dsops/service';
import { actionOf } from './entry.js';
import { compareHeads, type Comparison } from './kept-head.js';
import { HEAD_FILE, type HeadFile } from './kept-head.store.js';
import { LogRepository } from './log.repository.js';

/** What is cut off the end within this time after it was committed may go unseen. */
const KEEP_EVERY_MS = 1_000;

/**
 * Keeps the head of the log outside the database, after its entries were committed, and never a lower or another one: a
 * log that is behind what is kept was cut, or its database came from a copy. Then it says so, and keeps what it has until
 * a person has confirmed the copy, which is an entry of the log itself.
 */
@Injectable()
export class HeadKeeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly keeping: Every;
  private told: Comparison['kind'] = 'fits';

  constructor(
    private readonly log: LogRepository,
    @Inject(HEAD_FILE) private readonly file: HeadFile | null,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    checks: HealthChecks,
  ) {
    this.keeping = new Every({
      everyMs: KEEP_EVERY_MS,
      first: 'after-interval',
      pass: async () => void (await this.keep()),
      onFault: (error) => this.logger.error({ error }, 'the head of the audit log is not kept'),
    });
    if (file !== null) checks.add({ name: 'audit log', check: async () => troubleOf(await this.compare()) });
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.file === null) return;
    await this.keep().catch((error: unknown) => this.logger.error({ error }, 'the head of the audit log is not kept'));
    this.keeping.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.keeping.stop();
    if (this.file !== null)
      await this.keep().catch((error: unknown) => this.logger.warn({ error }, 'the last head was not kept'));
  }

  /** Writes the head as it is now, when it is further than what is kept and fits to that. */
  async keep(): Promise<Comparison> {
    const { file } = this;
    if (file === null) return { kind: 'fits' };
    const kept = await file.read();
    const head = await this.log.head();
    const comparison = kept === null ? ({ kind: 'fits' } as const) : await this.compareTo(kept);
    const isConfirmed =
      kept !== null &&
      comparison.kind !== 'fits' &&
      (await this.log.hasSince(actionOf(restoreConfirmed.type), kept.writtenAt));
    if (isConfirmed)
      this.logger.warn({ kept: kept.position, head: head.position }, 'a copy was confirmed: its log is the log now');
    else if (comparison.kind !== this.told && comparison.kind !== 'fits')
      this.logger.error(
        { ...comparison, kept: kept?.position, head: head.position },
        'the audit log was cut or changed',
      );
    this.told = isConfirmed ? 'fits' : comparison.kind;
    if (isConfirmed || (comparison.kind === 'fits' && (kept === null || head.position > kept.position)))
      await file.write({ ...head, writtenAt: this.clock.now() });
    return isConfirmed ? { kind: 'fits' } : comparison;
  }

  private async compare(): Promise<Comparison> {
    const kept = await this.file?.read();
    return kept == null ? { kind: 'fits' } : this.compareTo(kept);
  }

  private async compareTo(kept: Parameters<typeof compareHeads>[0]): Promise<Comparison> {
    return compareHeads(kept, await this.log.head(), await this.log.hashAt(kept.position));
  }
}

function troubleOf(comparison: Comparison): Trouble | null {
  if (comparison.kind === 'fits') return null;
  const remedy =
    'Run: dsops audit verify   Compare the database with a backup: it was changed past dsops, or is a copy.';
  return comparison.kind === 'cut'
    ? new Trouble('audit_log_cut', `${comparison.missing} entries are missing at the end of the audit log.`, remedy)
    : new Trouble('audit_log_rewritten', 'The audit log holds other entries than it held before.', remedy);
}
