import type { Actor } from '@dsops/contracts/principal';
import { confirmRestore } from '@dsops/contracts/rotation/api';
import { restoreConfirmed } from '@dsops/contracts/rotation/events';
import { keyChangeUnfinished } from '@dsops/database';
import type { PrismaClient } from '@dsops/database/rotation';
import { DomainError, newId } from '@dsops/kernel';
import { answerOnce, type Unit, type UnitOfWork } from '@dsops/messaging';
import type { Logger } from '@dsops/platform';
import { databaseNowMs } from '../database/clock.repository.js';
import type { OpenRotations } from '../open-rotations.js';
import type { Tx } from '../database/tx.js';
import { presumedUntil, whyRestored, type Installation } from './installation.js';
import type { InstallationRepository } from './installation.repository.js';
import { MARK_PATIENCE, type MarkFile } from './mark-file.js';
import { restoredError } from './restored-error.js';

/** Raises the epoch of the outbox inside the transaction, so that this transaction's events carry the new one. */
export type RaiseEpoch = (tx: Tx) => Promise<unknown>;

export interface InstallationParts {
  readonly database: PrismaClient;
  readonly units: UnitOfWork<Tx>;
  readonly installations: InstallationRepository;
  readonly markFile: MarkFile;
  /** Of the master key, from which the key of this service is derived. */
  readonly keyId: string;
  readonly openRotations: OpenRotations;
  readonly raiseEpoch: RaiseEpoch;
  readonly logger: Logger;
}

export interface RestoreConfirmation {
  readonly actor: Actor;
  readonly reason: string;
  /** The Idempotency-Key of the request. */
  readonly key: string;
}

/**
 * Which installation this is, and whether its database came from a copy.
 *
 * ```
 *  normal ──── the database is behind the mark, or the mark is missing ───▶ restored
 *     ▲                                                                        │
 *     └── a person confirms that the former installation is off: new id, ◀─────┘
 *         new mark, new epoch, unknown check-outs presumed for the longest TTL
 * ```
 */
export class InstallationService {
  constructor(private readonly parts: InstallationParts) {}

  /**
   * Looks at database, key and mark before anything else runs.
   * @throws DomainError `key_foreign`, `key_change_unfinished`, `mark_unusable`: the service must not start.
   */
  async open(): Promise<Installation> {
    const { database, installations, markFile, keyId } = this.parts;
    const mark = await markFile.read();
    const { installation, reason } = await database.$transaction(async (tx) => {
      await installations.findOrCreate(tx, keyId);
      // Shared, so that a start waits for nobody who stands still in the middle of a change.
      const row = await installations.share(tx);
      if (row.nextKeyId !== null) throw keyChangeUnfinished();
      if (row.keyId !== keyId) throw foreignKey(row.keyId, keyId);
      const why = whyRestored(mark, { ...row, hasServices: await installations.hasServices(tx) });
      return { installation: row, reason: row.mode === 'restored' ? row.reason : why };
    });
    if (reason !== null) await this.enterRestored(reason);
    // Also after a crash between the database's commit and the mark.
    else await markFile.write({ installationId: installation.id, highWater: installation.highWater });
    return this.current();
  }

  async current(): Promise<Installation> {
    return this.parts.installations.find(this.parts.database);
  }

  /**
   * Every transaction that lets something change asks first; the mode stays as it is until the transaction ends.
   * @throws DomainError `installation_restored`
   */
  async assertNormal(tx: Tx): Promise<void> {
    const { mode, reason } = await this.parts.installations.shareMode(tx);
    if (mode === 'restored') throw restoredError(reason);
  }

  /** For the guard: may anything be set, revoked or retired? The answer holds until the transaction ends. */
  async isRestored(tx: Tx): Promise<boolean> {
    return (await this.parts.installations.shareMode(tx)).mode === 'restored';
  }

  /** Stops everything that changes credentials. A second call keeps the first reason and time. */
  async enterRestored(reason: string): Promise<void> {
    const { units, installations, openRotations, logger } = this.parts;
    await units.run(async (unit) => {
      const row = await installations.lock(unit.tx, 'mode');
      if (row.mode === 'normal') {
        const nowMs = await databaseNowMs(unit.tx);
        const since = new Date(nowMs);
        await installations.update(unit.tx, {
          mode: 'restored',
          since,
          reason,
          checkOutsPresumedUntil: presumedUntil(nowMs),
        });
      }
      await openRotations.holdForRestore(unit, row.reason ?? reason);
    });
    logger.error({ reason }, 'the database seems to come from a copy: nothing is set, revoked or retired');
  }

  /**
   * A person says that the former installation is off. From now on this one is another installation than the one that
   * was copied, with a mark of its own. The same request again changes nothing more.
   * @throws DomainError `not_restored`
   */
  async confirmRestore({ actor, reason, key }: RestoreConfirmation): Promise<void> {
    const { units } = this.parts;
    const fingerprint = JSON.stringify([confirmRestore.id, reason]);
    const { id } = await units.run((unit) =>
      answerOnce(unit, { principalId: actor.id, key, fingerprint }, () => this.becomeAnother(unit, actor, reason)),
    );
    // Killed before this, the next start finds a mark of another installation and asks once more.
    await this.settleMark(id);
  }

  private async becomeAnother(unit: Unit<Tx>, actor: Actor, reason: string): Promise<{ id: string }> {
    const { installations, markFile, raiseEpoch } = this.parts;
    const row = await installations.lock(unit.tx, 'mode');
    if (row.mode === 'normal') throw notRestored();
    const mark = await markFile.read();
    const seen = mark === null || mark === 'damaged' ? 0n : mark.highWater;
    const id = newId();
    await installations.update(unit.tx, {
      id,
      mode: 'normal',
      since: null,
      reason: null,
      highWater: (seen > row.highWater ? seen : row.highWater) + 1n,
      // The former installation may have given values out until this moment.
      checkOutsPresumedUntil: presumedUntil(await databaseNowMs(unit.tx)),
    });
    await raiseEpoch(unit.tx);
    unit.emit({
      event: restoreConfirmed,
      key: 'installation',
      subject: `installation/${id}`,
      data: { reason, actor },
    });
    return { id };
  }

  /** Writes the first mark of this installation, unless it has one or has become another one in the meantime. */
  private async settleMark(id: string): Promise<void> {
    const { database, installations, markFile } = this.parts;
    await database.$transaction(async (tx) => {
      const row = await installations.lock(tx, 'mark');
      const mark = await markFile.read();
      const isThere = mark !== null && mark !== 'damaged' && mark.installationId === id;
      if (row.id === id && row.mode === 'normal' && !isThere)
        await markFile.write({ installationId: id, highWater: row.highWater });
    }, MARK_PATIENCE);
  }
}

const foreignKey = (wanted: string, has: string): DomainError =>
  new DomainError(
    'key_foreign',
    'refused',
    `The database is sealed with key ${wanted}, but this process was given ${has}.`,
    {
      remedy: `After a change of the master key, give it the service key that setup has written since. Otherwise put the backup of the key file with the id ${wanted} back, and start again. Nothing was changed.`,
    },
  );

const notRestored = (): DomainError =>
  new DomainError('not_restored', 'conflict', 'This installation is in mode normal: there is nothing to confirm.', {
    remedy: 'See the mode with: dsops restore status',
  });
