import pg from 'pg';
import { consumers } from '@dsops/contracts/consumers';
import type { EventDefinition } from '@dsops/contracts/define-event';
import type { Actor } from '@dsops/contracts/principal';
import type { ServiceName } from '@dsops/contracts/service-names';
import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/notification';
import { Secret } from '@dsops/kernel';
import { EmbeddedTransport, MessagingModule, UNIT_OF_WORK, type EventToEmit, type UnitOfWork } from '@dsops/messaging';
import { callOperation, createLogger, HttpInvoker, startServiceApp, type ServiceApp } from '@dsops/platform';
import { MasterKey, newKeyBytes } from '@dsops/sealing';
import { hostService } from '@dsops/service';
import { createTestDatabase } from '@dsops/testing';
import { DestinationsService } from '../src/destinations/destinations.service.js';
import { LedgerService } from '../src/index.js';
import { notificationService, type NotificationParts } from '../src/service.js';

const TOKEN = 'token-of-the-services';

export interface NotificationWorld {
  readonly admin: pg.Client;
  readonly ledger: LedgerService;
  readonly destinations: DestinationsService;
  /** A sample of `/metrics` of the notification service. */
  metric(name: string, labels: Record<string, string>): Promise<number | undefined>;
  /** Where the notification service listens. */
  readonly url: string;
  /** Says events through the real outbox of the service that they belong to, in one transaction per call. */
  say<D extends EventDefinition>(...events: EventToEmit<D>[]): Promise<void>;
  /** Calls as this principal. */
  callAs<O extends Operation>(who: Actor, operation: O, request?: RequestOf<O>): Promise<ResponseOf<O>>;
  /** Replays every open dead letter of the notification service, as the gateway does it. */
  replayLetters(): Promise<void>;
  close(): Promise<void>;
}

/** The notification service as it runs, with the outboxes of two other services, on a database of its own. */
export async function startNotificationWorld(parts?: NotificationParts): Promise<NotificationWorld> {
  const home = await createTestDatabase();
  const logger = createLogger({ service: 'notification', level: 'silent' });
  const transport = new EmbeddedTransport({ ...home.options, logger, pollMs: 50 });
  const apps = new Map<ServiceName, ServiceApp>();
  const invoker = new HttpInvoker((service) => apps.get(service)?.url ?? 'http://127.0.0.1:1', TOKEN);
  const admin = new pg.Client({ connectionString: home.adminUrl });
  await admin.connect();

  // A producer is its outbox, relay and internal routes. It talks to its own schema; any Prisma client sends plain SQL.
  const clients: PrismaClient[] = [];
  for (const service of ['rotation', 'gateway'] as const) {
    const database = connect(PrismaClient, service, home.options);
    clients.push(database);
    const declarations = Object.values(consumers).filter((consumer) => consumer.service !== service);
    const module = MessagingModule.forService({
      service,
      database,
      transport,
      logger,
      declarations,
      internalToken: new Secret(TOKEN),
    });
    apps.set(service, await startServiceApp(module, { logger, token: TOKEN }));
  }
  const service = await hostService(notificationService(parts), {
    database: home.options,
    transport,
    invoker,
    logger,
    token: new Secret(TOKEN),
    key: new MasterKey(newKeyBytes()).serviceKey('notification'),
    messaging: { sweep: { everyMs: 100 } },
  });
  apps.set('notification', service);

  return {
    admin,
    url: service.url,
    ledger: service.app.get(LedgerService),
    destinations: service.app.get(DestinationsService),
    async metric(name, labels) {
      const series = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      const line = (await service.metrics.registry.metrics())
        .split('\n')
        .find((one) => one.startsWith(`${name}{`) && series.every((label) => one.includes(label)));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    },
    async say(...events) {
      const units = apps.get(events[0]!.event.producer)!.app.get<UnitOfWork>(UNIT_OF_WORK);
      await units.run(async (unit) => events.forEach((event) => unit.emit(event)));
    },
    callAs: (actor, operation, request = {}) => callOperation(invoker, operation, { actor, role: 'viewer' }, request),
    async replayLetters() {
      const { body } = await invoker.invoke('notification', { method: 'GET', path: '/internal/dead-letters' });
      for (const { id } of (body as { items: { id: string }[] }).items)
        await invoker.invoke('notification', { method: 'POST', path: `/internal/dead-letters/${id}/replay`, body: {} });
    },
    async close() {
      for (const app of apps.values()) await app.close();
      await transport.close();
      await Promise.all(clients.map((client) => client.$disconnect()));
      await admin.end();
      await home.drop();
    },
  };
}
