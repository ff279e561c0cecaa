import type { Finding } from '@dsops/contracts/rotation/api';
import type { Actor } from '@dsops/contracts/principal';
import { administratorSet } from '@dsops/contracts/rotation/events';
import { presetOf } from '@dsops/contracts/rotation/strategies';
import { declarationOf } from '@dsops/contracts/rotation/targets/declarations';
import type { Place } from '@dsops/contracts/rotation/place';
import type { PrismaClient } from '@dsops/database/rotation';
import type { Drivers } from '@dsops/drivers';
import type { Login } from '@dsops/drivers/driver';
import { DomainError, newId, type Secret } from '@dsops/kernel';
import type { Unit, UnitOfWork } from '@dsops/messaging';
import type { Tx } from '../database/tx.js';
import type { InstallationService } from '../installation/installation.service.js';
import type { OpenRotations } from '../open-rotations.js';
import type { VaultService } from '../vault/vault.service.js';
import type { RegistryRepository } from './registry.repository.js';
import { unknownService, type RegisteredService } from './service.js';

export interface AdministratorRequest {
  readonly place: Place;
  /** Without it: the login that administers the target already. */
  readonly username: string | undefined;
  readonly password: Secret;
  /** Also for every other service of the same server that has had the same administrator. */
  readonly isForAll: boolean;
}

export interface AdministratorChange {
  readonly username: string;
  /** Those whose administrator's password was set, by environment and name; the one that was asked for is the first. */
  readonly services: readonly RegisteredService[];
  /** Others of the same server with that administrator, which still have the password of before. */
  readonly others: readonly RegisteredService[];
  /** What a look at the target with this login found, without what is in order. */
  readonly findings: readonly Finding[];
}

export interface AdministratorParts {
  readonly database: PrismaClient;
  readonly units: UnitOfWork<Tx>;
  readonly registry: RegistryRepository;
  readonly vault: VaultService;
  readonly installation: InstallationService;
  readonly drivers: Drivers;
  readonly openRotations: OpenRotations;
}

/**
 * The login that administers a target, when somebody has changed it there. It is allowed while a rotation is open, which
 * may wait for nothing else: the administrator is looked up for each effect, never frozen in a plan.
 */
export class AdministratorService {
  constructor(private readonly parts: AdministratorParts) {}

  /**
   * Tries the login at the target, and keeps it only then.
   * @throws DomainError `service_unknown`, `administrator_none`, `administrator_rotated`, `installation_restored`, and
   *   what the driver says of the login: `admin_refused`, `target_unreachable` …; nothing was changed.
   */
  async set(request: AdministratorRequest, actor: Actor): Promise<AdministratorChange> {
    const { database, units, registry, installation, openRotations } = this.parts;
    const { place, isForAll } = request;
    await installation.assertNormal(database);
    const asked = await registry.find(database, place.environment, place.service);
    if (asked === null) throw unknownService(place);
    const admin: Login = { username: usernameFor(asked, request), password: request.password };
    const findings = await this.look(asked, admin);
    const change = await units.run(async (unit) => {
      await installation.assertNormal(unit.tx);
      const service = await registry.lock(unit.tx, asked.id);
      if (service === null) throw unknownService(place);
      const others = await registry.administeredAlike(unit.tx, service);
      const services = [service, ...(isForAll ? others : [])];
      for (const each of services) await this.keep(unit, each, admin, actor);
      return { username: admin.username, services, others: isForAll ? [] : others, findings };
    });
    for (const { credential } of change.services) await openRotations.wake(units, credential.id);
    return change;
  }

  /** A session opened and closed proves the login; what it may do there is told, and refuses nothing. */
  private async look(service: RegisteredService, admin: Login): Promise<Finding[]> {
    const { type, target, credential } = service;
    const driver = this.parts.drivers.of(type);
    const session = await driver.openSession({ target, admin }, newId());
    await session.close();
    const { database, vault } = this.parts;
    const current = (await vault.versionsOf(database, credential.id)).find(({ label }) => label === 'CURRENT');
    const { findings } = await driver.inspect(
      { target, admin },
      {
        shape: presetOf(credential.strategy).shape,
        endsSessions: presetOf(credential.strategy).endsSessions,
        settings: credential.settings,
        slots: credential.slots,
        inUse: current?.slot ?? null,
      },
    );
    return findings.filter(({ level }) => level !== 'ok');
  }

  private async keep(unit: Unit<Tx>, service: RegisteredService, admin: Login, actor: Actor): Promise<void> {
    const { registry, vault, openRotations } = this.parts;
    const { id, name, environment } = service;
    assertNotRotated(service, admin.username);
    const rotating = await registry.rotating(unit.tx, service, admin.username);
    if (rotating !== null) throw rotated(rotating, admin.username);
    await registry.setAdministrator(unit.tx, id, admin.username);
    await vault.sealAdmin(unit.tx, id, admin);
    await openRotations.tryAgain(unit, id);
    unit.emit({
      event: administratorSet,
      key: id,
      subject: `service/${id}`,
      data: { serviceId: id, service: name, environment, username: admin.username, actor },
    });
  }
}

function usernameFor(service: RegisteredService, { username }: AdministratorRequest): string {
  const { name, environment, type, adminUsername } = service;
  if (adminUsername === null)
    throw new DomainError(
      'administrator_none',
      'invalid',
      `${name} in ${environment} has no administrator: a credential of type ${declarationOf(type).title} changes itself.`,
      { remedy: 'Take over its present value instead, if it was changed by hand.' },
    );
  const wanted = username ?? adminUsername;
  assertNotRotated(service, wanted);
  return wanted;
}

function assertNotRotated(service: RegisteredService, username: string): void {
  if (service.credential.slots.some(({ login }) => login === username)) throw rotated(service, username);
}

const rotated = ({ name, environment }: RegisteredService, username: string): DomainError =>
  new DomainError(
    'administrator_rotated',
    'invalid',
    `${username} is rotated by ${name} in ${environment}, so it cannot administer.`,
    { path: 'username', remedy: 'Name a login that no rotation changes.' },
  );
