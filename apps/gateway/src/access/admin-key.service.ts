import { wordOutage } from '@dsops/database';
import { Inject, Injectable } from '@nestjs/common';
import type { ApiKey } from '@dsops/database/gateway';
import { systemActor } from '@dsops/contracts/principal';
import { UNIT_OF_WORK, type Unit, type UnitOfWork } from '@dsops/messaging';
import type { Logger } from '@dsops/platform';
import { LOGGER } from '@dsops/service';
import { AdminKeyFile } from './admin-key-file.store.js';
import { decideAdminKey, type KeyFileContent, type KnownKeys } from './admin-key.js';
import { isSecretOf } from './api-key.js';
import { ApiKeyRepository, type Transaction } from './api-key.repository.js';
import { ApiKeyService } from './api-key.service.js';

/**
 * `made`: the first one. `replaced`: the former one was lost, damaged or of another database. `kept`: the file works.
 * `revoked`: an admin revoked it and has another one, so there is none in the file.
 */
export type AdminKeyOutcome = 'made' | 'kept' | 'replaced' | 'revoked';

/** The key that a person on this machine has from the first start on. See {@link decideAdminKey}. */
@Injectable()
export class AdminKeyService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly apiKeys: ApiKeyService,
    @Inject(UNIT_OF_WORK) private readonly units: UnitOfWork<Transaction>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Sees to it that this file holds an admin key of this installation, readable by its owner only. A key that was lost is
   * replaced and revoked; a file that holds no key of this database is set aside, never overwritten. For one process of
   * the gateway only: two with a file each would replace each other's. The file is read and written under a lock in the database,
   * so that two starts at once make one key. Should the process die after the file was written and before the key is
   * durable, the next start finds a key that the database never had, sets it aside and makes another.
   */
  async ensure(path: string): Promise<AdminKeyOutcome> {
    try {
      return await this.units.run(async (unit) => {
        await this.keys.lock(unit.tx);
        return this.ensureWithin(unit, new AdminKeyFile(path));
      });
    } catch (error) {
      throw wordOutage(error);
    }
  }

  private async ensureWithin(unit: Unit<Transaction>, file: AdminKeyFile): Promise<AdminKeyOutcome> {
    const { path } = file;
    const content = await file.read();
    const { startKey, facts } = await this.look(unit, content);
    const step = decideAdminKey(content.kind, facts);
    if (step.kind === 'keep') {
      if (await file.closeToOthers()) this.logger.warn({ path }, 'admin key file was open to others and is closed now');
      return 'kept';
    }
    if (step.kind === 'respect') {
      this.logger.info({ path }, 'admin key file holds no usable key, as an admin revoked it');
      return 'revoked';
    }
    if (step.movesFileAside) {
      const aside = await file.moveAside();
      this.logger.warn(
        { path, aside, content: content.kind },
        'admin key file was set aside, its key does not work here',
      );
    }
    if (startKey !== undefined) {
      await this.apiKeys.withdraw(unit, startKey, systemActor);
      this.logger.warn({ path, revoked: startKey.id }, 'admin key was lost and is replaced');
    }
    // It is a person's, the operator's: what happens is told in its inbox.
    const wanted = { name: 'admin', role: 'admin', hasInbox: true, madeBy: 'start', by: systemActor } as const;
    const { secret } = await this.apiKeys.add(unit, wanted);
    await file.write(secret);
    this.logger.info({ path }, 'admin key was made');
    return step.movesFileAside || startKey !== undefined ? 'replaced' : 'made';
  }

  private async look(
    { tx }: Unit<Transaction>,
    content: KeyFileContent,
  ): Promise<{ startKey: ApiKey | undefined; facts: KnownKeys }> {
    const admins = await this.keys.usableAdmins(tx);
    const startKey = admins.find(({ madeBy }) => madeBy === 'start');
    const facts: KnownKeys = {
      fileKey: await this.judge(tx, content),
      startKeyId: startKey?.id,
      hasOtherAdmin: admins.some(({ madeBy }) => madeBy !== 'start'),
    };
    return { startKey, facts };
  }

  private async judge(tx: Transaction, content: KeyFileContent): Promise<KnownKeys['fileKey']> {
    if (content.kind !== 'key') return 'none';
    const key = await this.keys.findWithin(tx, content.stated.id);
    if (key === null || !isSecretOf(content.stated.secret, key.hash)) return 'foreign';
    return key.revokedAt === null && key.role === 'admin' ? 'usable' : 'revoked';
  }
}
