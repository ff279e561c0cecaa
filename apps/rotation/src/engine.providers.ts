import type { Provider, Type } from '@nestjs/common';
import { Bell } from '@dsops/background';
import { PrismaClient } from '@dsops/database/rotation';
import { UNIT_OF_WORK, type UnitOfWork } from '@dsops/messaging';
import type { Logger } from '@dsops/platform';
import type { WakeUps } from '@dsops/scheduling';
import { HighWaterMark } from './installation/high-water-mark.service.js';
import { InstallationService } from './installation/installation.service.js';
import { Drivers } from '@dsops/drivers';
import { OPEN_ROTATIONS } from './open-rotations.js';
import { RegistryRepository } from './registry/registry.repository.js';
import { CheckOutRepository } from './check-out/check-out.repository.js';
import type { Tx } from './database/tx.js';
import { VaultRepository } from './vault/vault.repository.js';
import { VaultService } from './vault/vault.service.js';
import { EngineOpenRotations } from './run/open-rotations.service.js';
import { Opening } from './run/opening.service.js';
import { Planning } from './requests/preview.service.js';
import { RotationController } from './requests/rotation.http.js';
import { RotationQueries } from './requests/rotation-query.service.js';
import { StatusRepository } from './requests/status.repository.js';
import { RotationMetrics } from './run/rotation-metrics.service.js';
import { RotationRepository } from './run/rotation.repository.js';
import { RotationService } from './requests/rotation.service.js';
import { RotationWorker, type WorkerOptions } from './run/rotation.worker.js';
import { TargetEffects } from './run/target-effects.service.js';
import { Turns } from './run/turn.service.js';

export interface EngineOptions {
  readonly logger: Logger;
  readonly worker?: Partial<WorkerOptions>;
  readonly wakeUps?: WakeUps;
}

export const engineControllers: readonly Type[] = [RotationController];

/** The engine's part of the rotation service. */
export const engineProviders = ({ logger, worker, wakeUps }: EngineOptions): Provider[] => [
  RotationRepository,
  StatusRepository,
  RotationMetrics,
  Bell,
  {
    provide: OPEN_ROTATIONS,
    inject: [RotationRepository, Bell],
    useFactory: (rotations: RotationRepository, bell: Bell) => new EngineOpenRotations(rotations, bell),
  },
  {
    provide: Opening,
    inject: [RotationRepository, VaultRepository, RegistryRepository, Drivers],
    useFactory: (
      rotations: RotationRepository,
      versions: VaultRepository,
      registry: RegistryRepository,
      drivers: Drivers,
    ) => new Opening({ rotations, versions, registry, drivers }),
  },
  {
    provide: Planning,
    inject: [
      PrismaClient,
      RegistryRepository,
      VaultRepository,
      VaultService,
      CheckOutRepository,
      RotationRepository,
      Drivers,
    ],
    useFactory: (
      database: PrismaClient,
      registry: RegistryRepository,
      versions: VaultRepository,
      vault: VaultService,
      checkOuts: CheckOutRepository,
      rotations: RotationRepository,
      drivers: Drivers,
    ) => new Planning({ database, registry, versions, vault, checkOuts, rotations, drivers }),
  },
  {
    provide: RotationService,
    inject: [RotationRepository, VaultRepository, RegistryRepository, InstallationService, Opening, Bell],
    useFactory: (
      rotations: RotationRepository,
      versions: VaultRepository,
      registry: RegistryRepository,
      installation: InstallationService,
      opening: Opening,
      bell: Bell,
    ) => new RotationService({ rotations, versions, registry, installation, opening, bell }),
  },
  {
    provide: RotationQueries,
    inject: [PrismaClient, RotationRepository, StatusRepository],
    useFactory: (database: PrismaClient, rotations: RotationRepository, statuses: StatusRepository) =>
      new RotationQueries({ database, rotations, statuses }),
  },
  {
    provide: Turns,
    inject: [
      UNIT_OF_WORK,
      RotationRepository,
      VaultRepository,
      VaultService,
      CheckOutRepository,
      RegistryRepository,
      InstallationService,
      Drivers,
      Opening,
    ],
    useFactory: (
      units: UnitOfWork<Tx>,
      rotations: RotationRepository,
      versions: VaultRepository,
      vault: VaultService,
      checkOuts: CheckOutRepository,
      registry: RegistryRepository,
      installation: InstallationService,
      drivers: Drivers,
      opening: Opening,
    ) => new Turns({ units, rotations, versions, vault, checkOuts, registry, installation, drivers, opening, logger }),
  },
  {
    provide: RotationWorker,
    inject: [Turns, HighWaterMark, Bell],
    useFactory: (turns: Turns, highWaterMark: HighWaterMark, bell: Bell) =>
      new RotationWorker(turns, new TargetEffects(logger), highWaterMark, bell, logger, worker, wakeUps),
  },
];
