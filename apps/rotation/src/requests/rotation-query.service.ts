import type { QueryOf } from '@dsops/contracts/define-operation';
import type { getStatus, listRotations, RotationView, ServiceStatus } from '@dsops/contracts/rotation/api';
import type { PrismaClient } from '@dsops/database/rotation';
import { DomainError, isId } from '@dsops/kernel';
import { databaseNowMs } from '../database/clock.repository.js';
import type { RegistryRepository } from '../registry/registry.repository.js';
import { unknownService, type RegisteredService } from '../registry/service.js';
import type { VaultRepository } from '../vault/vault.repository.js';
import type { LoadedRotation, RotationRepository } from '../run/rotation.repository.js';
import { unknownRotation } from './rotation.service.js';
import { errorOf, statusWord, viewOf } from './rotation-view.js';

export interface QueryParts {
  readonly database: PrismaClient;
  readonly rotations: RotationRepository;
  readonly versions: VaultRepository;
  readonly registry: RegistryRepository;
}

/** What is known about rotations, from their journals. */
export class RotationQueries {
  constructor(private readonly parts: QueryParts) {}

  /** @throws DomainError `rotation_unknown` */
  async find(rotationId: string): Promise<RotationView> {
    const { database, rotations } = this.parts;
    const loaded = await rotations.find(database, rotationId);
    if (!loaded) throw unknownRotation(rotationId);
    const [view] = await this.views([loaded]);
    if (!view) throw unknownRotation(rotationId);
    return view;
  }

  /** Newest first. */
  async list(query: QueryOf<typeof listRotations>): Promise<{ items: RotationView[]; next: string | null }> {
    const { database, rotations } = this.parts;
    const { limit, cursor, ...filter } = query;
    if (cursor !== undefined && !isId(cursor))
      throw new DomainError('cursor_invalid', 'invalid', 'The cursor is not one that a list has answered.', {
        path: 'query.cursor',
        remedy: 'Give back `next` of the former page as it is, or leave it out.',
      });
    const found = await rotations.list(database, filter, limit + 1, cursor);
    const items = await this.views(found.slice(0, limit));
    return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  /** @throws DomainError `service_unknown` when one was named that is not there */
  async status({ environment, service }: QueryOf<typeof getStatus>): Promise<ServiceStatus[]> {
    const { database, registry } = this.parts;
    const all = await registry.list(database, environment);
    const wanted = all.filter(({ name }) => service === undefined || name === service);
    if (service !== undefined && wanted.length === 0)
      throw unknownService({ environment: environment ?? 'any environment', service });
    return Promise.all(wanted.map((each) => this.statusOf(each)));
  }

  private async statusOf({ id, name, environment, credential }: RegisteredService): Promise<ServiceStatus> {
    const { database, rotations, versions } = this.parts;
    const latest = await rotations.latest(database, id);
    const counts = await rotations.countByState(database, id);
    const known = await versions.ofCredential(database, credential.id);
    const current = known.find(({ label }) => label === 'CURRENT');
    // After a restore it may be: the installation that went on has replaced it. No rotation mends that by itself.
    const isRefused = current?.verdict === 'refused' && (latest === null || latest.row.isSettled);
    const count = (...states: Parameters<typeof counts.get>[0][]) =>
      states.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0);
    return {
      service_name: name,
      environment,
      status: isRefused ? 'needs_operator' : statusWord(latest),
      last_rotation: latest?.row.startedAt.toISOString() ?? null,
      next_rotation: null,
      last_result: latest?.row.state ?? null,
      last_error: isRefused
        ? `The target refuses ${current.name}, which is CURRENT here.`
        : ((latest && errorOf(latest)?.message) ?? null),
      rotation_count: [...counts.values()].reduce((sum, each) => sum + each, 0),
      success_count: count('completed'),
      failure_count: count('failed', 'rolled_back', 'rollback_failed'),
      current_version: current?.name ?? null,
      target: Object.fromEntries(
        known
          .filter(({ label, endedAt }) => label !== null || endedAt === null)
          .flatMap(({ name: version, verdict }) => (verdict === null ? [] : [[version, verdict]])),
      ),
    };
  }

  private async views(loaded: readonly LoadedRotation[]): Promise<RotationView[]> {
    const { database, rotations } = this.parts;
    const names = await rotations.namesOf(
      database,
      loaded.map(({ row }) => row.serviceId),
    );
    const nowMs = await databaseNowMs(database);
    return loaded.flatMap((each) => {
      const its = names.get(each.row.serviceId);
      return its ? [viewOf(each, its, nowMs)] : [];
    });
  }
}
