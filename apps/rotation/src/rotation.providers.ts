import type { Provider, Type } from '@nestjs/common';
import { PrismaClient } from '@dsops/database/rotation';
import { raiseEpoch, UNIT_OF_WORK, type UnitOfWork } from '@dsops/messaging';
import type { RotationOptions } from './config.js';
import { HighWaterMark } from './installation/high-water-mark.service.js';
import { InstallationController } from './installation/installation.http.js';
import { InstallationRepository } from './installation/installation.repository.js';
import { InstallationService } from './installation/installation.service.js';
import { MarkFile } from './installation/mark-file.js';
import { RestoredProbes } from './restore/restored-probes.service.js';
import { engineControllers, engineProviders } from './engine.providers.js';
import { Drivers, driversWith } from '@dsops/drivers';
import { OPEN_ROTATIONS, type OpenRotations } from './open-rotations.js';
import { RegistryController } from './registry/registry.http.js';
import { RegistryRepository } from './registry/registry.repository.js';
import { RegistryService } from './registry/registry.service.js';
import { CheckOutController } from './check-out/check-out.http.js';
import { CheckOutRepository } from './check-out/check-out.repository.js';
import { CheckOutService } from './check-out/check-out.service.js';
import { RetentionService } from './vault/retention.service.js';
import type { Tx } from './database/tx.js';
import { VaultRepository } from './vault/vault.repository.js';
import { VaultService } from './vault/vault.service.js';

const shared = (options: RotationOptions): Provider[] => [
  { provide: PrismaClient, useValue: options.database },
  { provide: Drivers, useFactory: () => driversWith(options.drivers) },
  { provide: MarkFile, useFactory: () => new MarkFile(options.markPath, options.isMarkBound) },
  VaultRepository,
  VaultService,
  CheckOutRepository,
  RegistryRepository,
  InstallationRepository,
];

const installation = ({ database, keyId, logger }: RotationOptions): Provider[] => [
  {
    provide: InstallationService,
    inject: [UNIT_OF_WORK, InstallationRepository, MarkFile, OPEN_ROTATIONS],
    // Whatever needs the installation gets it after it has been looked at; what it finds wrong stops the start.
    useFactory: async (
      units: UnitOfWork<Tx>,
      installations: InstallationRepository,
      markFile: MarkFile,
      openRotations: OpenRotations,
    ) => {
      const service = new InstallationService({
        database,
        units,
        installations,
        markFile,
        keyId,
        openRotations,
        raiseEpoch,
        logger,
      });
      await service.open();
      return service;
    },
  },
  {
    provide: HighWaterMark,
    inject: [InstallationRepository, MarkFile, InstallationService],
    useFactory: (installations: InstallationRepository, markFile: MarkFile, service: InstallationService) =>
      new HighWaterMark(database, installations, markFile, (reason) => service.enterRestored(reason)),
  },
];

const useCases = ({ database, logger }: RotationOptions): Provider[] => [
  {
    provide: CheckOutService,
    inject: [
      UNIT_OF_WORK,
      CheckOutRepository,
      VaultRepository,
      VaultService,
      RegistryRepository,
      InstallationService,
      HighWaterMark,
      OPEN_ROTATIONS,
    ],
    useFactory: (
      units: UnitOfWork<Tx>,
      checkOuts: CheckOutRepository,
      versions: VaultRepository,
      vault: VaultService,
      registry: RegistryRepository,
      installation: InstallationService,
      highWaterMark: HighWaterMark,
      openRotations: OpenRotations,
    ) =>
      new CheckOutService({ units, checkOuts, versions, vault, registry, installation, highWaterMark, openRotations }),
  },
  {
    provide: RegistryService,
    inject: [UNIT_OF_WORK, RegistryRepository, VaultService, InstallationService, Drivers, OPEN_ROTATIONS],
    useFactory: (
      units: UnitOfWork<Tx>,
      registry: RegistryRepository,
      vault: VaultService,
      installation: InstallationService,
      drivers: Drivers,
      openRotations: OpenRotations,
    ) => new RegistryService({ database, units, registry, vault, installation, drivers, openRotations }),
  },
  {
    provide: RestoredProbes,
    inject: [UNIT_OF_WORK, RegistryRepository, VaultRepository, VaultService, Drivers, InstallationService],
    useFactory: (
      units: UnitOfWork<Tx>,
      registry: RegistryRepository,
      versions: VaultRepository,
      vault: VaultService,
      drivers: Drivers,
      installation: InstallationService,
    ) => new RestoredProbes({ database, units, registry, versions, vault, drivers, installation, logger }),
  },
  {
    provide: RetentionService,
    inject: [UNIT_OF_WORK, VaultService, InstallationService],
    useFactory: (units: UnitOfWork<Tx>, vault: VaultService, installation: InstallationService) =>
      new RetentionService(units, vault, installation, logger),
  },
];

export const rotationControllers: readonly Type[] = [
  RegistryController,
  CheckOutController,
  InstallationController,
  ...engineControllers,
];

export const rotationProviders = (options: RotationOptions): Provider[] => [
  ...shared(options),
  ...installation(options),
  ...useCases(options),
  ...engineProviders(options),
];
