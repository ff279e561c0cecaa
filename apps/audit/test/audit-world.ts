import pg from 'pg';
import { consumers } from '@dsops/contracts/consumers';
import type { EventDefinition } from '@dsops/contracts/define-event';
import type { ServiceName } from '@dsops/contracts/service-names';
import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/audit';
import { Secret } from '@dsops/kernel';
import {
  EmbeddedTransport,
  MessagingModule,
  UNIT_OF_WORK,
  type EventToEmit,
  type Transport,
  type UnitOfWork,
} from '@dsops/messaging';
import {
  callOperation,
  createLogger,
  HttpInvoker,
  startServiceApp,
  type Caller,
  type ServiceApp,
} from '@dsops/platform';
import { hostService } from '@dsops/service';
import { createTestDatabase } from '@dsops/testing';
import { audit } from '../src/index.js';

const TOKEN = 'token-of-the-services';
const caller: Caller = { actor: { kind: 'user', id: 'user-ada', name: 'Ada' }, role: 'viewer' };

export interface AuditWorld {
  readonly admin: pg.Client;
  /** Where the audit service listens, while it runs. */
  auditUrl(): string;
  /** Says events through the real outbox of the service that they belong to, in one transaction per call. */
  say<D extends EventDefinition>(...events: EventToEmit<D>[]): Promise<void>;
  call<O extends Operation>(operation: O, request?: RequestOf<O>): Promise<ResponseOf<O>>;
  startAudit(): Promise<void>;
  stopAudit(): Promise<void>;
  /** Events for which it answers true are lost on their way, once. */
  losing(isLost: (event: { type: string; sequence: string }) => boolean): void;
  close(): Promise<void>;
}

/** The audit service as it runs, with the outboxes of two other services, on a database of its own. */
export async function startAuditWorld(): Promise<AuditWorld> {
  const home = await createTestDatabase();
  const logger = createLogger({ service: 'audit', level: 'silent' });
  const transport = new EmbeddedTransport({ ...home.options, logger, pollMs: 50 });
  const apps = new Map<ServiceName, ServiceApp>();
  const invoker = new HttpInvoker((service) => apps.get(service)?.url ?? 'http://127.0.0.1:1', TOKEN);
  const admin = new pg.Client({ connectionString: home.adminUrl });
  await admin.connect();

  let isLost: (event: { type: string; sequence: string }) => boolean = () => false;
  const lost = new Set<string>();
  const lossy: Transport = {
    subscribe: (consumer, deliver) => transport.subscribe(consumer, deliver),
    publish: (batch) =>
      transport.publish(
        batch.filter(({ event }) => {
          if (lost.has(event.id) || !isLost(event)) return true;
          lost.add(event.id);
          return false;
        }),
      ),
  };

  // A producer is its outbox, relay and internal routes. It talks to its own schema; any Prisma client sends plain SQL.
  const clients = new Map<ServiceName, PrismaClient>();
  for (const service of ['rotation', 'gateway'] as const) {
    const database = connect(PrismaClient, service, home.options);
    clients.set(service, database);
    const declarations = Object.values(consumers).filter((consumer) => consumer.service !== service);
    const internalToken = new Secret(TOKEN);
    const module = MessagingModule.forService({
      service,
      database,
      transport: lossy,
      logger,
      declarations,
      internalToken,
    });
    apps.set(service, await startServiceApp(module, { logger, token: TOKEN }));
  }

  const world: AuditWorld = {
    admin,
    auditUrl: () => apps.get('audit')!.url,
    async say(...events) {
      const units = apps.get(events[0]!.event.producer)!.app.get<UnitOfWork>(UNIT_OF_WORK);
      await units.run(async (unit) => events.forEach((event) => unit.emit(event)));
    },
    call: (operation, request = {}) => callOperation(invoker, operation, caller, request),
    async startAudit() {
      const surroundings = { database: home.options, transport, invoker, logger, token: new Secret(TOKEN) };
      apps.set('audit', await hostService(audit, { ...surroundings, messaging: { sweep: { everyMs: 100 } } }));
    },
    async stopAudit() {
      await apps.get('audit')?.close();
      apps.delete('audit');
    },
    losing: (decide) => (isLost = decide),
    async close() {
      for (const app of apps.values()) await app.close();
      await transport.close();
      await Promise.all([...clients.values()].map((client) => client.$disconnect()));
      await admin.end();
      await home.drop();
    },
  };
  await world.startAudit();
  return world;
}
