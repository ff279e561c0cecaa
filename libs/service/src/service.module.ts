import { Module, type DynamicModule } from '@nestjs/common';
import { declarationOf } from '@dsops/contracts/service-names';
import { examineDatabase, type Database } from '@dsops/database';
import { backlogDependency, MessagingModule, transportDependency } from '@dsops/messaging';
import { HealthModule, INVOKER, Trouble, type Dependency } from '@dsops/platform';
import { Sealer } from '@dsops/sealing';
import type { Service, ServiceParts } from './define-service.js';
import { CLOCK, DATABASE, LOGGER, TOKEN } from './tokens.js';

/** A service as a module for Nest: what is its own, its events and its health. */
@Module({})
export class ServiceModule {
  static async of(service: Service, parts: ServiceParts<Database, unknown>): Promise<DynamicModule> {
    const { database, transport, invoker, clock, logger, token, messaging } = parts;
    const { name, controllers, consumers } = service;
    const { seals, door } = declarationOf(name);
    if (seals && parts.key?.service !== name) throw new TypeError(`${name} seals, and was not handed its key.`);
    return {
      module: ServiceModule,
      imports: [
        MessagingModule.forService({
          ...messaging,
          service: name,
          database,
          transport,
          invoker,
          clock,
          logger,
          ...(door === 'public' && { internalToken: token }),
        }),
        HealthModule.of(
          [
            databaseDependency(database, parts.isThrowaway === true),
            ...transportDependency(transport),
            backlogDependency({ service: name, database, transport }),
            ...(parts.dependencies ?? []),
          ],
          logger,
          door === 'public',
        ),
      ],
      controllers: [...controllers],
      providers: [
        { provide: DATABASE, useValue: database },
        { provide: CLOCK, useValue: clock },
        { provide: LOGGER, useValue: logger },
        { provide: TOKEN, useValue: token },
        { provide: INVOKER, useValue: invoker },
        ...(parts.key === undefined ? [] : [{ provide: Sealer, useValue: new Sealer(parts.key) }]),
        ...(await service.providers(parts)),
        ...consumers,
      ],
    };
  }
}

const databaseDependency = (database: Database, isThrowaway: boolean): Dependency => ({
  name: 'database',
  async check() {
    const finding = await examineDatabase(database, isThrowaway);
    return finding && new Trouble(finding.code, finding.message, finding.remedy);
  },
});
