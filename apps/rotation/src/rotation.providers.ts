import type { Provider, Type } from '@nestjs/common';
import { UNIT_OF_WORK, type UnitOfWork } from '@dsops/messaging';
import { Sealer } from '@dsops/sealing';
import { assemble, type Assembly } from './assembly.js';
import { CheckOutController } from './check-out/check-out.http.js';
import { CheckOutService } from './check-out/check-out.service.js';
import type { RotationOptions } from './config.js';
import type { Tx } from './database/tx.js';
import { InstallationController } from './installation/installation.http.js';
import { InstallationService } from './installation/installation.service.js';
import { RegistryController } from './registry/registry.http.js';
import { AdministratorService } from './registry/administrator.service.js';
import { RegistryService } from './registry/registry.service.js';
import { AbandonService } from './requests/abandon.service.js';
import { Planning } from './requests/preview.service.js';
import { RotationController } from './requests/rotation.http.js';
import { RotationQueries } from './requests/rotation-query.service.js';
import { RotationService } from './requests/rotation.service.js';
import { RestoredProbes } from './restore/restored-probes.service.js';
import { RotationMetrics } from './run/rotation-metrics.service.js';
import { RotationWorker } from './run/rotation.worker.js';
import { RetentionService } from './vault/retention.service.js';

export const rotationControllers: readonly Type[] = [
  RegistryController,
  CheckOutController,
  InstallationController,
  RotationController,
];

const ASSEMBLY = Symbol('the assembled rotation service');

/** One part of the assembly, under its class. */
const given = <T>(part: Type<T>, of: (assembly: Assembly) => T): Provider => ({
  provide: part,
  inject: [ASSEMBLY],
  useFactory: of,
});

/** What controllers ask for, and what Nest starts and stops with the service. */
export const rotationProviders = (options: RotationOptions): Provider[] => [
  {
    provide: ASSEMBLY,
    inject: [UNIT_OF_WORK, Sealer],
    useFactory: (units: UnitOfWork<Tx>, sealer: Sealer) => assemble(options, units, sealer),
  },
  given(InstallationService, ({ installation }) => installation),
  given(AdministratorService, ({ administrators }) => administrators),
  given(RegistryService, ({ registryService }) => registryService),
  given(CheckOutService, ({ checkOutService }) => checkOutService),
  given(Planning, ({ planning }) => planning),
  given(RotationService, ({ rotationService }) => rotationService),
  given(AbandonService, ({ abandonment }) => abandonment),
  given(RotationQueries, ({ queries }) => queries),
  given(RotationWorker, ({ newWorker }) => newWorker(options.worker)),
  given(RestoredProbes, ({ restoredProbes }) => restoredProbes),
  given(RetentionService, ({ retention }) => retention),
  RotationMetrics,
];
