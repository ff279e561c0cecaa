import type { QueryOf } from '@dsops/contracts/define-operation';
import type { listEnvironments, listServices } from '@dsops/contracts/rotation/api';
import type { Actor } from '@dsops/contracts/principal';
import { serviceAdded, serviceRemoved } from '@dsops/contracts/rotation/events';
import type { PrismaClient } from '@dsops/database/rotation';
import { declarationOf } from '@dsops/contracts/rotation/targets/declarations';
import type { Place } from '@dsops/contracts/rotation/place';
import { DomainError, newId } from '@dsops/kernel';
import type { Unit, UnitOfWork } from '@dsops/messaging';
import type { Page } from '@dsops/platform';
import { databaseNowMs } from '../database/clock.repository.js';
import type { InstallationService } from '../installation/installation.service.js';
import type { Login, Slot } from '@dsops/drivers/driver';
import type { Tx } from '../database/tx.js';
import type { VaultService } from '../vault/vault.service.js';
import type { Version } from '../vault/version.js';
import type { Drivers } from '@dsops/drivers';
import type { OpenRotations } from '../open-rotations.js';
import { credentialOf, type Registration } from './registration.js';
import type { Holder, RegistryRepository } from './registry.repository.js';
import { environmentPlaces, servicePlaces } from './places.js';
import { unknownService, type Credential, type RegisteredService } from './service.js';
import { checkTarget } from './target-check.js';

/** Versions shown of a service beside those with a label. */
const SHOWN = 20;

export interface ServiceWithVersions {
  readonly service: RegisteredService;
  /** Newest first. */
  readonly versions: readonly Version[];
}

export interface RegistryParts {
  readonly database: PrismaClient;
  readonly units: UnitOfWork<Tx>;
  readonly registry: RegistryRepository;
  readonly vault: VaultService;
  readonly installation: InstallationService;
  readonly drivers: Drivers;
  readonly openRotations: OpenRotations;
}

/** The services that dsops looks after. Adding and removing one changes nothing at its target. */
export class RegistryService {
  constructor(private readonly parts: RegistryParts) {}

  /**
   * By environment and name.
   * @throws DomainError `cursor_invalid`
   */
  async list({ environment, cursor, limit }: QueryOf<typeof listServices>): Promise<Page<ServiceWithVersions>> {
    const { database, registry, vault } = this.parts;
    const found = await registry.list(database, { environment, after: servicePlaces.read(cursor), limit: limit + 1 });
    const page = servicePlaces.pageOf(found, limit, ({ environment: at, name }) => ({
      environment: at,
      service: name,
    }));
    const versions = await vault.versionsOfAll(
      database,
      page.items.map(({ credential }) => credential.id),
      SHOWN,
    );
    const items = page.items.map((service) => ({ service, versions: versions.get(service.credential.id) ?? [] }));
    return { ...page, items };
  }

  /** By name. @throws DomainError `cursor_invalid` */
  async environments({ cursor, limit }: QueryOf<typeof listEnvironments>): Promise<Page<{ name: string }>> {
    const { database, registry } = this.parts;
    const found = await registry.environments(database, limit + 1, environmentPlaces.read(cursor));
    return environmentPlaces.pageOf(
      found.map((name) => ({ name })),
      limit,
      ({ name }) => name,
    );
  }

  /** @throws DomainError `service_unknown` */
  async find(place: Place): Promise<ServiceWithVersions> {
    const { database, registry, vault } = this.parts;
    const service = await registry.find(database, place.environment, place.service);
    if (service === null) throw unknownService(place);
    return { service, versions: await vault.versionsOf(database, service.credential.id, SHOWN) };
  }

  /**
   * Everything that has to be true before a service is stored. It talks to the target, so it stands outside of any
   * transaction; {@link add} checks again what another request may have changed.
   * @throws DomainError `request_invalid`, `service_exists`, `target_not_ready`, `current_refused`, `target_accepts_anybody` …
   */
  async check({ request, admin, current }: Registration): Promise<RegisteredService> {
    const { database, registry, drivers, installation } = this.parts;
    const credential = credentialOf(request, newId());
    const driver = drivers.of(request.type);
    await installation.assertNormal(database);
    if ((await registry.find(database, request.environment, request.name)) !== null) throw exists(request);
    await checkTarget({ driver, target: request.target, admin, credential, current });
    return {
      id: newId(),
      name: request.name,
      environment: request.environment,
      type: request.type,
      target: request.target,
      adminUsername: admin?.username ?? null,
      managedBy: 'api',
      createdAt: new Date(await databaseNowMs(database)),
      credential,
    };
  }

  /**
   * Stores a service that {@link check} has found good, its passwords sealed; with `current`, that login is CURRENT.
   * @throws DomainError `service_exists`, `login_taken`, `installation_restored`
   */
  async add(
    unit: Unit<Tx>,
    service: RegisteredService,
    { admin, current }: Pick<Registration, 'admin' | 'current'>,
    actor: Actor,
  ): Promise<ServiceWithVersions> {
    const { registry, vault, installation } = this.parts;
    await installation.assertNormal(unit.tx);
    await this.assertFree(unit.tx, service);
    if ((await registry.insert(unit.tx, service)) === 'name-taken') throw exists(service);
    if (admin !== null) await vault.sealAdmin(unit.tx, service.id, admin);
    if (current !== null) await this.takeOver(unit.tx, service, current);
    const { id, name, environment, type, credential } = service;
    unit.emit({
      event: serviceAdded,
      key: id,
      subject: `service/${id}`,
      data: {
        serviceId: id,
        service: name,
        environment,
        type,
        credentialId: credential.id,
        credential: credential.name,
        imported: current !== null,
        actor,
      },
    });
    return { service, versions: await vault.versionsOf(unit.tx, credential.id, SHOWN) };
  }

  /**
   * Stops looking after a service. Its logins stay as they are, its values stay sealed for 30 days.
   * @throws DomainError `service_unknown`, `rotation_open`, `installation_restored`
   */
  async remove(place: Place, actor: Actor): Promise<void> {
    const { units, registry, installation, openRotations } = this.parts;
    await units.run(async (unit) => {
      await installation.assertNormal(unit.tx);
      const found = await registry.find(unit.tx, place.environment, place.service);
      // Under the lock nobody starts a rotation of it.
      const service = found && (await registry.lock(unit.tx, found.id));
      if (service === null) throw unknownService(place);
      const open = await openRotations.of(unit.tx, service.id);
      if (open !== null) throw rotationOpen(place, open);
      await registry.remove(unit.tx, service.id, new Date(await databaseNowMs(unit.tx)));
      const { id, name, environment } = service;
      unit.emit({
        event: serviceRemoved,
        key: id,
        subject: `service/${id}`,
        data: { serviceId: id, service: name, environment, actor },
      });
    });
  }

  /** Two services with one login would end each other's values. @throws DomainError `login_taken` */
  private async assertFree(tx: Tx, service: RegisteredService): Promise<void> {
    const found = await this.parts.registry.holderOf(tx, service);
    if (found === null) return;
    const { holder, how, logins } = found;
    // The same name says more.
    if (holder.name === service.name && holder.environment === service.environment) throw exists(service);
    const server = declarationOf(holder.type).server(holder.target);
    throw new DomainError('login_taken', 'conflict', CLAIM[how](logins.join(' and '), holder, server), {
      path: how === 'rotates-admin' ? 'admin.username' : 'credential.slots',
      remedy:
        how === 'same-slots'
          ? `Use that service, or stop looking after it first: dsops service remove ${holder.name} --env ${holder.environment}`
          : 'Give dsops an administrator that nothing rotates.',
    });
  }

  /** The login in use becomes CURRENT as it is: the probe before has shown that the target accepts it. */
  private async takeOver(tx: Tx, { credential, target }: RegisteredService, login: Login): Promise<void> {
    const { vault } = this.parts;
    const version = await vault.seal(tx, {
      versionId: newId(),
      credentialId: credential.id,
      slot: slotInUse(credential, login),
      target,
      label: 'CURRENT',
      value: login.password,
    });
    await vault.recordVerdict(tx, version.id, 'accepted', new Date(await databaseNowMs(tx)));
  }
}

const CLAIM: Record<Holder['how'], (logins: string, holder: RegisteredService, server: string) => string> = {
  'same-slots': (logins, { name, environment }, server) =>
    `${name} in ${environment} looks after ${logins} at ${server} already.`,
  administers: (logins, { name, environment }, server) =>
    `${name} in ${environment} is administered with ${logins} at ${server}: a rotation of it would cut dsops off there.`,
  'rotates-admin': (logins, { name, environment }, server) =>
    `${name} in ${environment} rotates ${logins} at ${server}, which would cut dsops off here.`,
};

const exists = ({ name, environment }: { name: string; environment: string }): DomainError =>
  new DomainError('service_exists', 'conflict', `There is a service ${name} in ${environment} already.`, {
    path: 'name',
    remedy: `Choose another name, or look at it with: dsops service show ${name} --env ${environment}`,
  });

const rotationOpen = ({ service, environment }: Place, open: { id: string; state: string }): DomainError =>
  new DomainError(
    'rotation_open',
    'conflict',
    `Rotation ${open.id} of ${service} in ${environment} is ${open.state}.`,
    {
      rotationId: open.id,
      remedy: 'Wait until it has ended, or roll it back, then remove the service.',
    },
  );

/** Where the login in use has its value: the first slot that it is used under. */
function slotInUse({ slots }: Credential, { username }: Login): Slot {
  const slot = slots.find(({ login }) => login === username);
  if (slot === undefined) throw new TypeError('The login in use is one of the slots.');
  return slot;
}
