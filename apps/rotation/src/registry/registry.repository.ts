import { z } from 'zod';
import { consumersSchema } from '@dsops/contracts/rotation/consumer-kinds';
import { strategySchema } from '@dsops/contracts/rotation/strategies';
import { execute, query, queryOne, sql } from '@dsops/database';
import { declarationOf } from '@dsops/contracts/rotation/targets/declarations';
import type {
  CredentialSettings,
  TargetAddress,
  TargetDeclaration,
} from '@dsops/contracts/rotation/targets/define-target';
import type { Place } from '@dsops/contracts/rotation/place';
import type { Prisma } from '@dsops/database/rotation';
import { DomainError, newId, parseDuration } from '@dsops/kernel';
import type { Verification } from '@dsops/drivers/driver';
import type { Tx } from '../database/tx.js';
import { serverKey } from './server-key.js';
import type { Credential, RegisteredService } from './service.js';

const WHOLE = { environment: true, credentials: true } as const;
const managedBySchema = z.enum(['file', 'api']);

export interface ServiceFilter {
  readonly environment?: string | undefined;
  /** Only those that stand behind it. */
  readonly after?: Place | undefined;
  readonly limit?: number;
}

const isBehind = ({ environment, service }: Place): Prisma.ServiceWhereInput => ({
  OR: [{ environment: { name: { gt: environment } } }, { environment: { name: environment }, name: { gt: service } }],
});

/** Who has a claim on logins that another service is to look after. */
export interface Holder {
  readonly holder: RegisteredService;
  /** It looks after them too, administers with one of them, or rotates the other's administrator. */
  readonly how: 'same-slots' | 'administers' | 'rotates-admin';
  readonly logins: readonly string[];
}

/** Environments, services and their credentials. Removed services are not there any more, as far as this file is asked. */
export class RegistryRepository {
  /** By environment and name. */
  async list(tx: Tx, { environment, after, limit }: ServiceFilter = {}): Promise<RegisteredService[]> {
    const rows = await tx.service.findMany({
      where: {
        removedAt: null,
        AND: [
          environment === undefined ? {} : { environment: { name: environment } },
          after === undefined ? {} : isBehind(after),
        ],
      },
      include: WHOLE,
      orderBy: [{ environment: { name: 'asc' } }, { name: 'asc' }],
      ...(limit !== undefined && { take: limit }),
    });
    return rows.map(serviceOf);
  }

  /** Names of the environments that have a service, in their order. */
  async environments(tx: Tx, limit: number, after?: string): Promise<string[]> {
    const rows = await tx.environment.findMany({
      where: { services: { some: { removedAt: null } }, ...(after !== undefined && { name: { gt: after } }) },
      select: { name: true },
      orderBy: { name: 'asc' },
      take: limit,
    });
    return rows.map(({ name }) => name);
  }

  async find(tx: Tx, environment: string, name: string): Promise<RegisteredService | null> {
    const row = await tx.service.findFirst({
      where: { removedAt: null, name, environment: { name: environment } },
      include: WHOLE,
    });
    return row && serviceOf(row);
  }

  async findById(tx: Tx, serviceId: string): Promise<RegisteredService | null> {
    const row = await tx.service.findFirst({ where: { id: serviceId, removedAt: null }, include: WHOLE });
    return row && serviceOf(row);
  }

  /** The service of a credential, removed or not: an open check-out may outlive it. */
  async ofCredential(tx: Tx, credentialId: string): Promise<RegisteredService> {
    return serviceOf(
      await tx.service.findFirstOrThrow({ where: { credentials: { some: { id: credentialId } } }, include: WHOLE }),
    );
  }

  /** What talks to the target of a service, and as whom. */
  async administration(tx: Tx, serviceId: string): Promise<Pick<RegisteredService, 'type' | 'adminUsername'>> {
    return queryOne(tx, sql`select type, admin_username as "adminUsername" from services where id = ${serviceId}`);
  }

  /**
   * Locks the service's row to the end of the transaction: removing a service and starting a rotation meet here.
   * @returns null when it is removed or was never there.
   */
  async lock(tx: Tx, serviceId: string): Promise<RegisteredService | null> {
    await query(tx, sql`select id from services where id = ${serviceId} for no key update`);
    return this.findById(tx, serviceId);
  }

  async ensureEnvironment(tx: Tx, name: string, at: Date): Promise<string> {
    await execute(
      tx,
      sql`insert into environments (id, name, created_at) values (${newId()}, ${name}, ${at})
          on conflict (name) do nothing`,
    );
    const { id } = await tx.environment.findUniqueOrThrow({ where: { name } });
    return id;
  }

  /**
   * Another service that looks after one of these logins already, administers with one of them, or looks after the
   * administrator of this one. Registrations at one target wait for each other from here to the end of the transaction.
   */
  async holderOf(tx: Tx, { type, target, credential, adminUsername }: RegisteredService): Promise<Holder | null> {
    const key = serverKey(declarationOf(type).server(target));
    await query(tx, sql`select pg_advisory_xact_lock(hashtextextended(${`${type} ${key}`}, 0))::text`);
    const logins = credential.slots.flatMap(({ name, login }) => [name, login]);
    const rows = await tx.service.findMany({
      where: {
        type,
        removedAt: null,
        OR: [
          { adminUsername: { in: logins } },
          {
            credentials: {
              some: { slots: { hasSome: [...logins, ...(adminUsername === null ? [] : [adminUsername])] } },
            },
          },
        ],
      },
      select: { id: true, server: true },
      orderBy: { id: 'asc' },
    });
    const found = rows.find(({ server }) => serverKey(server) === key);
    const holder = found && (await this.findById(tx, found.id));
    if (!holder) return null;
    const held = new Set(holder.credential.slots.map(({ name }) => name));
    const shared = credential.slots.flatMap(({ name }) => (held.has(name) ? [name] : []));
    if (shared.length > 0) return { holder, how: 'same-slots', logins: shared };
    const administers = logins.find((login) => login === holder.adminUsername);
    return administers === undefined
      ? { holder, how: 'rotates-admin', logins: adminUsername === null ? [] : [adminUsername] }
      : { holder, how: 'administers', logins: [administers] };
  }

  /** @returns `name-taken`, and nothing was changed, when the environment has a service of that name. */
  async insert(tx: Tx, service: RegisteredService): Promise<'inserted' | 'name-taken'> {
    const { credential, environment, target, ...facts } = service;
    const environmentId = await this.ensureEnvironment(tx, environment, service.createdAt);
    const server = declarationOf(service.type).server(target);
    const row = { ...facts, environmentId, server, target: { ...target } };
    const { count } = await tx.service.createMany({ data: [row], skipDuplicates: true });
    if (count === 0) return 'name-taken';
    await tx.credential.create({ data: { ...credentialRow(credential, service.createdAt), serviceId: service.id } });
    return 'inserted';
  }

  /** The other services of the same server that have the same administrator, by environment and name. */
  async administeredAlike(
    tx: Tx,
    { id, type, target, adminUsername }: RegisteredService,
  ): Promise<RegisteredService[]> {
    const server = declarationOf(type).server(target);
    const rows = await tx.service.findMany({
      where: { type, server, adminUsername, removedAt: null, id: { not: id } },
      include: WHOLE,
      orderBy: [{ environment: { name: 'asc' } }, { name: 'asc' }],
    });
    return rows.map(serviceOf);
  }

  /** Another service of the same server that rotates this login. */
  async rotating(tx: Tx, { id, type, target }: RegisteredService, login: string): Promise<RegisteredService | null> {
    const key = serverKey(declarationOf(type).server(target));
    const rows = await tx.service.findMany({
      where: { type, removedAt: null, id: { not: id }, credentials: { some: { slots: { has: login } } } },
      select: { id: true, server: true },
      orderBy: { id: 'asc' },
    });
    const found = rows.find(({ server }) => serverKey(server) === key);
    return found ? this.findById(tx, found.id) : null;
  }

  async setAdministrator(tx: Tx, serviceId: string, username: string): Promise<void> {
    await execute(tx, sql`update services set admin_username = ${username} where id = ${serviceId}`);
  }

  async remove(tx: Tx, serviceId: string, at: Date): Promise<void> {
    await tx.service.update({ where: { id: serviceId }, data: { removedAt: at } });
  }
}

const credentialRow = (credential: Credential, createdAt: Date) => ({
  id: credential.id,
  name: credential.name,
  strategy: credential.strategy,
  slots: credential.slots.map(({ name }) => name),
  settings: credential.settings as Prisma.InputJsonObject,
  consumers: credential.consumers,
  gracePeriod: credential.gracePeriod,
  maxGrace: credential.maxGrace,
  quietFor: credential.quietFor,
  verification: { ...credential.verification, check: { ...credential.verification.check } },
  automaticRollback: credential.isRollbackAutomatic,
  createdAt,
});

function serviceOf(row: Prisma.ServiceGetPayload<{ include: typeof WHOLE }>): RegisteredService {
  const [credential] = row.credentials;
  if (credential === undefined) throw new TypeError(`Service ${row.id} has no credential.`);
  const kind = declarationOf(row.type);
  const stored = storedSchema(kind).safeParse({
    target: row.target,
    settings: credential.settings,
    verification: credential.verification,
  });
  if (!stored.success) throw unreadable(row.name, row.environment.name, stored.error);
  const { target, settings, verification } = stored.data;
  return {
    id: row.id,
    name: row.name,
    environment: row.environment.name,
    type: kind.kind,
    target: target as TargetAddress,
    adminUsername: row.adminUsername,
    managedBy: managedBySchema.parse(row.managedBy),
    createdAt: row.createdAt,
    credential: {
      id: credential.id,
      name: credential.name,
      strategy: strategySchema.parse(credential.strategy),
      slots: kind.slots(settings),
      settings: settings as CredentialSettings,
      consumers: consumersSchema.parse(credential.consumers),
      gracePeriod: credential.gracePeriod,
      gracePeriodMs: parseDuration(credential.gracePeriod),
      maxGrace: credential.maxGrace,
      maxGraceMs: parseDuration(credential.maxGrace),
      quietFor: credential.quietFor,
      quietForMs: credential.quietFor === null ? null : parseDuration(credential.quietFor),
      verification: verification as Verification,
      isRollbackAutomatic: credential.automaticRollback,
    },
  };
}

const storedSchema = ({ target, settings, check }: TargetDeclaration) =>
  z.object({ target, settings, verification: z.object({ check, timeoutMs: z.int().positive() }) });

/** An older or newer version of dsops wrote it, or somebody by hand: nothing is done with what cannot be read. */
const unreadable = (name: string, environment: string, { issues }: z.ZodError): DomainError =>
  new DomainError(
    'stored_settings_unreadable',
    'internal',
    `What is stored of ${name} in ${environment} does not fit its kind: ${issues
      .map(({ path, message }) => `${path.join('.')}: ${message}`)
      .join('; ')}.`,
    { remedy: 'Run the version of dsops that wrote it, or remove the service and take its login over again.' },
  );
