import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { targetSchema } from '@dsops/contracts/rotation/api';
import { strategySchema } from '@dsops/contracts/rotation/states';
import { execute, query, sql } from '@dsops/database';
import type { Prisma } from '@dsops/database/rotation';
import { newId, parseDuration } from '@dsops/kernel';
import type { Tx } from '../database/tx.js';
import type { Credential, RegisteredService } from './service.js';

const WHOLE = { environment: true, credentials: true } as const;
const verificationSchema = z.object({ query: z.string(), timeoutMs: z.int().positive() });
const managedBySchema = z.enum(['file', 'api']);

/** Environments, services and their credentials. Removed services are not there any more, as far as this file is asked. */
@Injectable()
export class RegistryRepository {
  /** By environment and name. */
  async list(tx: Tx, environment?: string): Promise<RegisteredService[]> {
    const rows = await tx.service.findMany({
      where: { removedAt: null, ...(environment === undefined ? {} : { environment: { name: environment } }) },
      include: WHOLE,
      orderBy: [{ environment: { name: 'asc' } }, { name: 'asc' }],
    });
    return rows.map(serviceOf);
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
    return tx.service.findUniqueOrThrow({ where: { id: serviceId }, select: { type: true, adminUsername: true } });
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
   * Another service that looks after one of these logins already. Registrations at one target wait for each other from
   * here to the end of the transaction.
   */
  async holderOf(tx: Tx, { type, target, credential }: RegisteredService): Promise<RegisteredService | null> {
    const { host, port } = target;
    await query(tx, sql`select pg_advisory_xact_lock(hashtextextended(${`${type} ${host}:${port}`}, 0))::text`);
    const row = await tx.service.findFirst({
      where: {
        type,
        removedAt: null,
        AND: [{ target: { path: ['host'], equals: host } }, { target: { path: ['port'], equals: port } }],
        credentials: { some: { slots: { hasSome: [...credential.slots] } } },
      },
      include: WHOLE,
    });
    return row && serviceOf(row);
  }

  /** @returns `name-taken`, and nothing was changed, when the environment has a service of that name. */
  async insert(tx: Tx, service: RegisteredService): Promise<'inserted' | 'name-taken'> {
    const { credential, environment, target, ...facts } = service;
    const environmentId = await this.ensureEnvironment(tx, environment, service.createdAt);
    const row = { ...facts, environmentId, target: { ...target } };
    const { count } = await tx.service.createMany({ data: [row], skipDuplicates: true });
    if (count === 0) return 'name-taken';
    await tx.credential.create({ data: { ...credentialRow(credential, service.createdAt), serviceId: service.id } });
    return 'inserted';
  }

  async remove(tx: Tx, serviceId: string, at: Date): Promise<void> {
    await tx.service.update({ where: { id: serviceId }, data: { removedAt: at } });
  }
}

const credentialRow = (credential: Credential, createdAt: Date) => ({
  id: credential.id,
  name: credential.name,
  strategy: credential.strategy,
  slots: [...credential.slots],
  ownerRole: credential.owner,
  gracePeriod: credential.gracePeriod,
  verification: { ...credential.verification },
  automaticRollback: credential.isRollbackAutomatic,
  createdAt,
});

function serviceOf(row: Prisma.ServiceGetPayload<{ include: typeof WHOLE }>): RegisteredService {
  const [credential] = row.credentials;
  if (credential === undefined) throw new TypeError(`Service ${row.id} has no credential.`);
  return {
    id: row.id,
    name: row.name,
    environment: row.environment.name,
    type: row.type,
    target: targetSchema.parse(row.target),
    adminUsername: row.adminUsername,
    managedBy: managedBySchema.parse(row.managedBy),
    createdAt: row.createdAt,
    credential: {
      id: credential.id,
      name: credential.name,
      strategy: strategySchema.parse(credential.strategy),
      slots: credential.slots,
      owner: credential.ownerRole,
      gracePeriod: credential.gracePeriod,
      gracePeriodMs: parseDuration(credential.gracePeriod),
      verification: verificationSchema.parse(credential.verification),
      isRollbackAutomatic: credential.automaticRollback,
    },
  };
}
