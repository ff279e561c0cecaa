import { afterEach, beforeEach, expect } from '@jest/globals';
import {
  getRotation,
  getService,
  listEnvironments,
  listRotations,
  listServices,
  type RotationView,
  type ServiceView,
} from '@dsops/contracts/rotation/api';
import { DomainError } from '@dsops/kernel';
import { aRotation, aService } from './builders.js';
import { Desk } from './command-line.js';
import { StrictServer } from './strict-server.js';

export interface World {
  readonly server: StrictServer;
  readonly desk: Desk;
  /** What the server looks after: one, unless a test says otherwise. */
  services: ServiceView[];
}

/**
 * A server with one service, and a desk beside it, fresh for each test. No request may break the contract, and no output
 * may hold the API key.
 */
export function world(): World {
  const current: { server?: StrictServer; desk?: Desk; services?: ServiceView[] } = {};
  beforeEach(async () => {
    current.server = await new StrictServer().start();
    current.services = [aService()];
    serveServices(current.server, () => current.services ?? []);
    current.server.on(listRotations, () => ({ items: [], next: null }));
    current.desk = await Desk.beside(current.server);
  });
  afterEach(async () => {
    await current.server?.stop();
    await current.desk?.clear();
    expect(current.server?.violations).toEqual([]);
  });
  const get = <K extends 'server' | 'desk' | 'services'>(name: K): NonNullable<(typeof current)[K]> => {
    const value = current[name];
    if (!value) throw new Error('The world exists only inside a test.');
    return value;
  };
  return {
    get server() {
      return get('server');
    },
    get desk() {
      return get('desk');
    },
    get services() {
      return get('services');
    },
    set services(services) {
      current.services = services;
    },
  };
}

/** Answers for services as the product does, two to a page, so that whoever wants them all has to read on. */
function serveServices(server: StrictServer, services: () => readonly ServiceView[]): void {
  const page = <T>(items: readonly T[], cursor: string | undefined) => {
    const from = Number(cursor ?? 0);
    return { items: items.slice(from, from + 2), next: from + 2 < items.length ? String(from + 2) : null };
  };
  server
    .on(listServices, ({ query: { environment, cursor } }) =>
      page(
        services().filter((service) => environment === undefined || service.environment === environment),
        cursor,
      ),
    )
    .on(listEnvironments, ({ query: { cursor } }) =>
      page(
        [...new Set(services().map(({ environment }) => environment))].map((name) => ({ name })),
        cursor,
      ),
    )
    .on(getService, ({ params }) => {
      const found = services().find(
        ({ name, environment }) => name === params.service && environment === params.environment,
      );
      if (found) return found;
      throw new DomainError('service_unknown', 'not_found', 'There is no such service.');
    });
}

/** Lets a rotation grow: `getRotation` answers what it is now. */
export class LivingRotation {
  view: RotationView;

  constructor(
    private readonly server: StrictServer,
    over: Partial<RotationView> = {},
  ) {
    this.view = aRotation({ state: 'rotating', endedAt: null, known: {}, ...over });
    server.on(getRotation, () => this.view);
  }

  change(over: Partial<RotationView>): void {
    this.view = { ...this.view, ...over };
    this.server.emit('dsops.rotation.rotation.progressed.v1', progressOf(this.view, this.server.feed.length + 1));
  }
}

/** The event of a rotation's latest step. */
export const progressOf = (view: RotationView, sequence: number) => ({
  specversion: '1.0',
  id: '01JD00000000000000000000EE',
  source: 'dsops/rotation',
  type: 'dsops.rotation.rotation.progressed.v1',
  subject: view.id,
  time: '2026-11-21T14:29:58.000Z',
  datacontenttype: 'application/json',
  partitionkey: view.serviceId,
  sequence: String(sequence),
  epoch: 1,
  data: {
    serviceId: view.serviceId,
    service: view.service,
    environment: view.environment,
    rotationId: view.id,
    credentialId: view.credentialId,
    credential: view.credential,
    strategy: view.strategy,
    state: view.state,
    step: view.steps.at(-1)?.name ?? 'plan',
    outcome: view.steps.at(-1)?.outcome ?? 'done',
    durationMs: view.steps.at(-1)?.durationMs ?? 1,
    actor: { kind: 'system', id: 'dsops', name: 'dsops' },
  },
});
