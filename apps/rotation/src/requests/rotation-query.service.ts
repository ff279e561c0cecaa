import { z } from 'zod';
import type { QueryOf } from '@dsops/contracts/define-operation';
import type { getStatus, listRotations, RotationView, ServiceStatus } from '@dsops/contracts/rotation/api';
import type { PrismaClient } from '@dsops/database/rotation';
import { cursorOf, type Page } from '@dsops/platform';
import type { CheckOutRepository } from '../check-out/check-out.repository.js';
import { databaseNowMs } from '../database/clock.repository.js';
import { servicePlaces } from '../registry/places.js';
import { unknownService } from '../registry/service.js';
import type { LoadedRotation, RotationRepository } from '../run/rotation.repository.js';
import { holdsViewOf } from './held.js';
import { unknownRotation } from './rotation.service.js';
import { viewOf } from './rotation-view.js';
import { statusOf } from './service-status.js';
import type { StatusRepository } from './status.repository.js';

export interface QueryParts {
  readonly database: PrismaClient;
  readonly rotations: RotationRepository;
  readonly statuses: StatusRepository;
  readonly checkOuts: CheckOutRepository;
}

const rotationPlaces = cursorOf(z.ulid());

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

  /** Newest first. @throws DomainError `cursor_invalid` */
  async list(query: QueryOf<typeof listRotations>): Promise<Page<RotationView>> {
    const { database, rotations } = this.parts;
    const { limit, cursor, ...filter } = query;
    const found = await rotations.list(database, filter, limit + 1, rotationPlaces.read(cursor));
    const page = rotationPlaces.pageOf(found, limit, ({ row }) => row.id);
    return { ...page, items: await this.views(page.items) };
  }

  /**
   * By environment and name.
   * @throws DomainError `service_unknown` when one was named that is not there, `cursor_invalid`
   */
  async status({ environment, service, limit, cursor }: QueryOf<typeof getStatus>): Promise<Page<ServiceStatus>> {
    const { database, statuses } = this.parts;
    const after = servicePlaces.read(cursor);
    const found = await statuses.list(database, { environment, service, limit: limit + 1, after });
    if (service !== undefined && found.length === 0 && after === undefined)
      throw unknownService({ environment: environment ?? 'any environment', service });
    const page = servicePlaces.pageOf(found, limit, (last) => ({
      environment: last.environment,
      service: last.service,
    }));
    return { ...page, items: page.items.map(statusOf) };
  }

  private async views(loaded: readonly LoadedRotation[]): Promise<RotationView[]> {
    const { database, rotations, checkOuts } = this.parts;
    const names = await rotations.namesOf(
      database,
      loaded.map(({ row }) => row.serviceId),
    );
    const openOf = await rotations.openAheadOf(
      database,
      loaded.map(({ row }) => row),
    );
    const nowMs = await databaseNowMs(database);
    const views: RotationView[] = [];
    for (const each of loaded) {
      const its = names.get(each.row.serviceId);
      // Of a queued one, who holds up the one before it.
      const waits = each.row.isQueued ? (openOf.get(each.row.credentialId) ?? each) : each;
      const holds = await holdsViewOf(database, checkOuts, waits, nowMs);
      if (its) views.push(viewOf(each, its, openOf, holds, nowMs));
    }
    return views;
  }
}
