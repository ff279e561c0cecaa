import type { PrismaClient } from '@dsops/database/rotation';
import { whyRestored, type Installation } from './installation.js';
import type { InstallationRepository } from './installation.repository.js';
import { MARK_PATIENCE, type MarkFile } from './mark-file.js';
import { restoredError } from './restored-error.js';

/**
 * Counts the effects of this installation in the database and, once that has committed, in the mark beside the key
 * file. A database that was put back from a copy is then behind the mark, and is found out at its next start, or at its
 * next effect when it was exchanged under a running process.
 *
 * ```
 *  intent is journalled ─▶ database: n + 1, committed ─▶ mark: n + 1, on disk ─▶ the effect
 * ```
 * Killed between the two, the database is ahead of the mark, which is harmless. The other way round a healthy database
 * would look like a copy.
 */
export class HighWaterMark {
  private running: Promise<void> = Promise.resolve();
  private next: Promise<void> | null = null;

  constructor(
    private readonly database: PrismaClient,
    private readonly installations: InstallationRepository,
    private readonly markFile: MarkFile,
    private readonly onBehind: (reason: string) => Promise<void>,
  ) {}

  /**
   * Call it after the effect's intent has committed and before the effect: every set, mint and retire, and before a
   * value leaves by a check-out. When it resolves, no older copy of the database can pass for the present one. Calls
   * that come while one is at work share the following one.
   * @throws DomainError `installation_restored`, `mark_unusable`: the effect must not happen.
   */
  advance(): Promise<void> {
    this.next ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.running = this.next ?? this.running;
        this.next = null;
        return this.step();
      });
    return this.next;
  }

  private async step(): Promise<void> {
    await this.database.$transaction(async (tx) => {
      const { mode, reason } = await this.installations.share(tx);
      if (mode === 'restored') throw restoredError(reason);
      await this.installations.raiseHighWater(tx);
    }, MARK_PATIENCE);
    const reason = await this.database.$transaction(
      (tx) => this.installations.lock(tx, 'mark').then((row) => this.follow(row)),
      MARK_PATIENCE,
    );
    if (reason === null) return;
    await this.onBehind(reason);
    throw restoredError(reason);
  }

  /** Writes what has committed, under the row's lock: another process may have counted on in the meantime. */
  private async follow(installation: Installation): Promise<string | null> {
    const reason = whyRestored(await this.markFile.read(), { ...installation, hasServices: true });
    if (reason === null)
      await this.markFile.write({ installationId: installation.id, highWater: installation.highWater });
    return reason;
  }
}
