import { createHash } from 'node:crypto';
import type { Actor } from '@dsops/contracts/principal';
import type { TargetAddress } from '@dsops/contracts/rotation/targets/define-target';
import { presetOf } from '@dsops/contracts/rotation/strategies';
import { checkOutGranted, checkOutReleased } from '@dsops/contracts/rotation/events';
import { probeDisk } from '@dsops/database';
import { DomainError, newId } from '@dsops/kernel';
import type { Unit, UnitOfWork } from '@dsops/messaging';
import type { Caller } from '@dsops/platform';
import { databaseNowMs } from '../database/clock.repository.js';
import type { HighWaterMark } from '../installation/high-water-mark.service.js';
import type { InstallationService } from '../installation/installation.service.js';
import type { OpenRotations } from '../open-rotations.js';
import type { RegistryRepository } from '../registry/registry.repository.js';
import { unknownService, type RegisteredService } from '../registry/service.js';
import type { Login } from '@dsops/drivers/driver';
import { parseTtl } from './check-out.js';
import type { CheckOut, CheckOutRepository } from './check-out.repository.js';
import type { Tx } from '../database/tx.js';
import type { VaultRepository } from '../vault/vault.repository.js';
import type { VaultService } from '../vault/vault.service.js';
import type { Version } from '../vault/version.js';

export interface CheckOutRequest {
  readonly environment: string;
  readonly service: string;
  /** From 1s to 24h. */
  readonly ttl: string;
  readonly purpose: string | undefined;
  readonly actor: Actor;
  /** The same key and request get the same check-out while it lasts. */
  readonly idempotencyKey: string;
}

/** A value on its way out. */
export interface CheckedOut {
  readonly checkOut: CheckOut;
  readonly version: string;
  readonly login: Login;
  readonly target: TargetAddress;
  /** Does it keep the value valid until it expires? Not in one slot, where the next rotation ends it. */
  readonly isHeld: boolean;
}

export interface CheckOutParts {
  readonly units: UnitOfWork<Tx>;
  readonly checkOuts: CheckOutRepository;
  readonly versions: VaultRepository;
  readonly vault: VaultService;
  readonly registry: RegistryRepository;
  readonly installation: InstallationService;
  readonly highWaterMark: HighWaterMark;
  readonly openRotations: OpenRotations;
}

/** Gives the value of CURRENT out for a limited time. The row that says so is durable before the value leaves. */
export class CheckOutService {
  constructor(private readonly parts: CheckOutParts) {}

  /** @throws DomainError `ttl_out_of_range`, `service_unknown`, `no_current`, `value_ending`, `installation_restored` … */
  async grant(request: CheckOutRequest): Promise<CheckedOut> {
    const ttlMs = parseTtl(request.ttl);
    const { units, installation, highWaterMark } = this.parts;
    const granted = await units.run(async (unit) => {
      await installation.assertNormal(unit.tx);
      return (await this.grantAgain(unit.tx, request)) ?? (await this.grantNew(unit, request, ttlMs));
    });
    // From here on a copy of the database that does not know this check-out is found out.
    await highWaterMark.advance();
    return granted;
  }

  /** Whoever held the value says that it is used no longer. Releasing twice is releasing once. */
  async release(id: string, { actor, role }: Caller): Promise<void> {
    const { units, checkOuts, versions, registry, installation, openRotations } = this.parts;
    const freed = await units.run(async (unit) => {
      await installation.assertNormal(unit.tx);
      const checkOut = await checkOuts.find(unit.tx, id);
      const version = checkOut && (await versions.lock(unit.tx, checkOut.versionId));
      if (checkOut === null || version === null)
        throw new DomainError('check_out_unknown', 'not_found', 'There is no check-out with this id.', {
          remedy: 'Use the id that the check-out answered.',
        });
      // Somebody else's word would end the value under the one who uses it.
      if (checkOut.principal.id !== actor.id && role !== 'admin') throw ofAnother(checkOut);
      const isReleased = await checkOuts.release(unit.tx, id, new Date(await databaseNowMs(unit.tx)));
      if (!isReleased) return null;
      const service = await registry.ofCredential(unit.tx, version.credentialId);
      unit.emit({
        event: checkOutReleased,
        key: service.id,
        subject: `check-out/${id}`,
        data: { ...placeOf(service), checkOutId: id, actor },
      });
      return version.credentialId;
    });
    // Afterwards, not within: a rotation locks itself first and the version then.
    if (freed !== null) await openRotations.wake(units, freed);
  }

  private async grantNew(unit: Unit<Tx>, request: CheckOutRequest, ttlMs: number): Promise<CheckedOut> {
    const { checkOuts, versions, vault, registry } = this.parts;
    const service = await registry.find(unit.tx, request.environment, request.service);
    if (service === null) throw unknownService(request);
    const version = await versions.lockCurrent(unit.tx, service.credential.id);
    if (version === null) throw noCurrent(request);
    await assertLives(unit.tx, version);
    const login = await vault.open(unit.tx, version.id);
    const nowMs = await databaseNowMs(unit.tx);
    const checkOut: CheckOut = {
      id: newId(),
      versionId: version.id,
      principal: request.actor,
      purpose: request.purpose ?? null,
      grantedAt: new Date(nowMs),
      expiresAt: new Date(nowMs + ttlMs),
      releasedAt: null,
      idempotencyKey: request.idempotencyKey,
      requestHash: hashOf(request),
    };
    // The same request at the same moment: the other one was first.
    if (!(await checkOuts.insert(unit.tx, checkOut))) throw keyInUse();
    unit.emit({
      event: checkOutGranted,
      key: service.id,
      subject: `check-out/${checkOut.id}`,
      data: {
        ...placeOf(service),
        checkOutId: checkOut.id,
        version: version.name,
        expiresAt: checkOut.expiresAt.toISOString(),
        ...(request.purpose === undefined ? {} : { purpose: request.purpose }),
        actor: request.actor,
      },
    });
    return { checkOut, version: version.name, login, target: version.target, isHeld: keepsValid(service) };
  }

  /**
   * The answer of the first request was lost: the same value again, for no longer than was granted then.
   * @returns null when this is the first request.
   */
  private async grantAgain(tx: Tx, request: CheckOutRequest): Promise<CheckedOut | null> {
    const { checkOuts, versions, vault, registry } = this.parts;
    const checkOut = await checkOuts.findByRequest(tx, request.actor.id, request.idempotencyKey);
    if (checkOut === null) return null;
    if (checkOut.requestHash !== hashOf(request)) throw keyReused();
    const version = await versions.lock(tx, checkOut.versionId);
    const isOver = checkOut.releasedAt !== null || checkOut.expiresAt.getTime() <= (await databaseNowMs(tx));
    if (version === null || isOver) throw isOverError();
    await assertLives(tx, version);
    const isHeld = keepsValid(await registry.ofCredential(tx, version.credentialId));
    return { checkOut, version: version.name, login: await vault.open(tx, version.id), target: version.target, isHeld };
  }
}

const placeOf = (service: RegisteredService) => ({
  serviceId: service.id,
  service: service.name,
  environment: service.environment,
  credentialId: service.credential.id,
});

const keepsValid = ({ credential }: RegisteredService): boolean =>
  presetOf(credential.strategy).shape === 'side-by-side';

const hashOf = ({ environment, service, ttl, purpose }: CheckOutRequest): string =>
  createHash('sha256')
    .update(JSON.stringify([environment, service, ttl, purpose ?? null]))
    .digest('base64url');

/** Once the guard has let an effect pass that ends the value, it is given to nobody, not even again. */
async function assertLives(tx: Tx, { endIntendedAt, endedAt, name }: Version): Promise<void> {
  if (endIntendedAt === null && endedAt === null) return;
  await probeDisk(tx); // on a full disk nothing gets on, and "in a moment" would be untrue
  throw new DomainError('value_ending', 'unavailable', `Version ${name} is being replaced right now.`, {
    remedy: 'Try again in a moment; `dsops rotation status` tells how far it is.',
  });
}

const noCurrent = ({ environment, service }: CheckOutRequest): DomainError =>
  new DomainError('no_current', 'conflict', `${service} in ${environment} has no current value yet.`, {
    remedy: `Make one with: dsops rotation rotate ${service} --env ${environment}`,
  });

const keyReused = (): DomainError =>
  new DomainError('idempotency_key_reused', 'conflict', 'This Idempotency-Key was used for another request.', {
    remedy: 'Use a new key for each new request.',
  });

const keyInUse = (): DomainError =>
  new DomainError('idempotency_key_in_use', 'conflict', 'The same request is being answered right now.', {
    remedy: 'Send it again in a moment, with the same key.',
  });

const ofAnother = ({ principal }: CheckOut): DomainError =>
  new DomainError('check_out_of_another', 'forbidden', `This check-out belongs to ${principal.name}.`, {
    remedy: `Let ${principal.name} release it, or an admin; it ends by itself when its time is over.`,
  });

const isOverError = (): DomainError =>
  new DomainError('check_out_over', 'conflict', 'The check-out that this Idempotency-Key made is over.', {
    remedy: 'Check out again with a new key.',
  });
