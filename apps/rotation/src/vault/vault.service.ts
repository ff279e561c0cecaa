import type { Slot, TargetAddress } from '@dsops/contracts/rotation/targets/define-target';
import type { Verdict } from '@dsops/contracts/rotation/states';
import { DomainError, versionName, type Secret } from '@dsops/kernel';
import type { Login } from '@dsops/drivers/driver';
import type { Sealer } from '@dsops/sealing';
import { databaseNowMs } from '../database/clock.repository.js';
import type { Tx } from '../database/tx.js';
import type { VaultRepository } from './vault.repository.js';
import { adminPlace, versionPlace, type VaultPlace } from './vault-place.js';
import { promotion, type LabelMove, type Version, type VersionLabel } from './version.js';

export interface ValueToSeal {
  readonly versionId: string;
  readonly credentialId: string;
  /** What the value is for. */
  readonly slot: Slot;
  readonly target: TargetAddress;
  readonly label: VersionLabel;
  readonly value: Secret;
}

/**
 * The built-in store. Every method works inside the caller's transaction, so that a value, its label and the journal's
 * word about it are durable together or not at all.
 */
export class VaultService {
  constructor(
    private readonly sealer: Sealer,
    private readonly versions: VaultRepository,
  ) {}

  /** Makes a version with its value. The transaction must have committed before the target hears of the value (I1). */
  async seal(tx: Tx, { value, ...facts }: ValueToSeal): Promise<Version> {
    const createdAt = new Date(await databaseNowMs(tx));
    const version: Version = {
      id: facts.versionId,
      credentialId: facts.credentialId,
      name: versionName(createdAt, facts.versionId),
      slot: facts.slot.name,
      login: facts.slot.login,
      target: facts.target,
      label: facts.label,
      verdict: null,
      verdictAt: null,
      createdAt,
      endIntendedAt: null,
      endedAt: null,
      burnedAt: null,
    };
    const place = versionPlace(version);
    await this.versions.insert(tx, version);
    await this.versions.putSealed(tx, place, this.sealer.seal(place, value), createdAt);
    return version;
  }

  /**
   * The login of a version. The password stays a {@link Secret}.
   * @throws DomainError `version_unknown`, `value_destroyed`, `sealed_value_damaged`, `key_missing`
   */
  async open(tx: Tx, versionId: string): Promise<Login> {
    const version = await this.versions.find(tx, versionId);
    if (version === null)
      throw new DomainError('version_unknown', 'not_found', `There is no version ${versionId}.`, {
        remedy: 'List the versions of the service.',
      });
    return {
      username: version.login,
      password: await this.unseal(tx, versionPlace(version), `version ${version.name}`),
    };
  }

  /** Is the value there, whole, and can it be opened? The guard asks before anything may depend on it. */
  async isSealed(tx: Tx, versionId: string): Promise<boolean> {
    try {
      await this.open(tx, versionId);
      return true;
    } catch (error) {
      if (error instanceof DomainError) return false;
      throw error;
    }
  }

  async sealAdmin(tx: Tx, serviceId: string, { username, password }: Login): Promise<void> {
    const place = adminPlace(serviceId, username);
    await this.versions.putSealed(tx, place, this.sealer.seal(place, password), new Date(await databaseNowMs(tx)));
  }

  /** The login that administers a service's target; null where the credential changes itself. @throws DomainError as {@link open} */
  async openAdmin(
    tx: Tx,
    { id: serviceId, adminUsername: username }: { readonly id: string; readonly adminUsername: string | null },
  ): Promise<Login | null> {
    if (username === null) return null;
    const place = adminPlace(serviceId, username);
    return { username, password: await this.unseal(tx, place, `the admin ${username}`) };
  }

  /** Newest first: all of them, or the newest `limit` and those with a label. */
  async versionsOf(tx: Tx, credentialId: string, limit?: number): Promise<Version[]> {
    return this.versions.ofCredential(tx, credentialId, limit);
  }

  /** As {@link versionsOf}, of many credentials at once. */
  async versionsOfAll(
    tx: Tx,
    credentialIds: readonly string[],
    limit: number,
  ): Promise<ReadonlyMap<string, Version[]>> {
    return Map.groupBy(await this.versions.ofCredentials(tx, credentialIds, limit), ({ credentialId }) => credentialId);
  }

  /** Locks the version's row to the end of the transaction: the guard's first statement. */
  async lock(tx: Tx, versionId: string): Promise<Version | null> {
    return this.versions.lock(tx, versionId);
  }

  /**
   * Moves labels by compare-and-set (I7), all of them or none.
   * @returns false when a label was not where it should be, or a burned version would be used again.
   */
  async moveLabels(tx: Tx, credentialId: string, moves: readonly LabelMove[]): Promise<boolean> {
    return this.versions.moveLabels(tx, credentialId, moves);
  }

  /**
   * Makes a version CURRENT if `from` still is (null: if none is).
   * @returns false, and nothing was changed, when another version is CURRENT or the version is burned.
   */
  async promote(tx: Tx, credentialId: string, versionId: string, from: string | null): Promise<boolean> {
    const versions = await this.versions.ofCredential(tx, credentialId);
    const current = versions.find(({ label }) => label === 'CURRENT')?.id ?? null;
    if (current === versionId) return true;
    if (current !== from || !versions.some(({ id }) => id === versionId)) return false;
    return this.versions.moveLabels(tx, credentialId, promotion(versions, versionId));
  }

  /** What a probe has shown. `at` is the database's time of the probe. */
  async recordVerdict(tx: Tx, versionId: string, verdict: Verdict, at: Date): Promise<void> {
    await this.versions.update(tx, versionId, { verdict, verdictAt: at });
  }

  /** In the guard's transaction: from its commit on no check-out of this version is given. */
  async intendEnd(tx: Tx, versionId: string, at: Date): Promise<void> {
    await this.versions.update(tx, versionId, { endIntendedAt: at });
  }

  /** The effect did not happen and can happen no more: the value lives on. */
  async withdrawEnd(tx: Tx, versionId: string): Promise<void> {
    await this.versions.update(tx, versionId, { endIntendedAt: null });
  }

  /** A probe has shown that the target refuses it. The value stays sealed for 30 days. */
  async end(tx: Tx, versionId: string, at: Date): Promise<void> {
    await this.versions.update(tx, versionId, { endedAt: at, endIntendedAt: at });
  }

  /** Nothing sets or promotes this value again. It stays sealed: the target may accept it still. */
  async burn(tx: Tx, versionId: string, at: Date): Promise<void> {
    await this.versions.update(tx, versionId, { burnedAt: at });
  }

  /** Forgets values that were kept long enough. @returns how many */
  async destroyExpired(tx: Tx): Promise<number> {
    return this.versions.destroyExpired(tx);
  }

  private async unseal(tx: Tx, place: VaultPlace, name: string): Promise<Secret> {
    const sealed = await this.versions.sealed(tx, place);
    if (sealed === null)
      throw new DomainError('value_destroyed', 'conflict', `The value of ${name} is no longer kept.`, {
        remedy: 'Values are forgotten 30 days after their end; use a newer version.',
      });
    return this.sealer.unseal(place, sealed);
  }
}
