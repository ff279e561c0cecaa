import { Bell } from '@dsops/background';
import { driversWith } from '@dsops/drivers';
import { raiseEpoch, type UnitOfWork } from '@dsops/messaging';
import type { Sealer } from '@dsops/sealing';
import { CheckOutRepository } from './check-out/check-out.repository.js';
import { CheckOutService } from './check-out/check-out.service.js';
import type { RotationOptions } from './config.js';
import type { Tx } from './database/tx.js';
import { HighWaterMark } from './installation/high-water-mark.service.js';
import { InstallationRepository } from './installation/installation.repository.js';
import { InstallationService } from './installation/installation.service.js';
import { MarkFile } from './installation/mark-file.js';
import { AdministratorService } from './registry/administrator.service.js';
import { RegistryRepository } from './registry/registry.repository.js';
import { RegistryService } from './registry/registry.service.js';
import { AbandonService } from './requests/abandon.service.js';
import { Planning } from './requests/preview.service.js';
import { RotationQueries } from './requests/rotation-query.service.js';
import { RotationService } from './requests/rotation.service.js';
import { StatusRepository } from './requests/status.repository.js';
import { RestoredProbes } from './restore/restored-probes.service.js';
import { EngineOpenRotations } from './run/open-rotations.service.js';
import { Opening } from './run/opening.service.js';
import { RotationRepository } from './run/rotation.repository.js';
import { RotationWorker, type WorkerOptions } from './run/rotation.worker.js';
import { TargetEffects } from './run/target-effects.service.js';
import { Turns } from './run/turn.service.js';
import { RetentionService } from './vault/retention.service.js';
import { VaultRepository } from './vault/vault.repository.js';
import { VaultService } from './vault/vault.service.js';

/**
 * The rotation service, put together by hand in the order in which its parts need each other. Nothing runs yet: who has
 * it starts what goes on by itself (worker, retention, restored probes).
 *
 * @param units whose commits wake the relay that sends the events
 * @param sealer with rotation's own key
 * @throws DomainError `key_foreign`, `mark_unusable`: the service must not start
 */
export async function assemble(options: RotationOptions, units: UnitOfWork<Tx>, sealer: Sealer) {
  const { database, keyId, logger } = options;
  const drivers = driversWith(options.drivers);
  const bell = new Bell();
  const markFile = new MarkFile(options.markPath, options.isMarkBound);

  const versions = new VaultRepository();
  const vault = new VaultService(sealer, versions);
  const registry = new RegistryRepository();
  const checkOuts = new CheckOutRepository();
  const rotations = new RotationRepository();
  const installations = new InstallationRepository();
  const openRotations = new EngineOpenRotations(rotations, bell);

  const installation = new InstallationService({
    ...{ database, units, installations, markFile, keyId, openRotations, raiseEpoch, logger },
  });
  // Whatever needs the installation gets it after it has been looked at; what that finds wrong stops the start.
  await installation.open();
  const highWaterMark = new HighWaterMark(database, installations, markFile, (why) => installation.enterRestored(why));

  const opening = new Opening({ rotations, versions, registry, drivers });
  const newTurns = () =>
    new Turns({ units, rotations, versions, vault, checkOuts, registry, installation, drivers, opening, logger });
  /** Any number may run; each remembers by itself what the clock did. */
  const newWorker = (own: Partial<WorkerOptions> = {}) =>
    new RotationWorker(newTurns(), new TargetEffects(logger), highWaterMark, bell, logger, own, options.wakeUps);

  return {
    ...{
      versions,
      vault,
      registry,
      checkOuts,
      rotations,
      installation,
      highWaterMark,
      drivers,
      newTurns,
      newWorker,
    },
    administrators: new AdministratorService({
      ...{ database, units, registry, vault, installation, drivers, openRotations },
    }),
    registryService: new RegistryService({ database, units, registry, vault, installation, drivers, openRotations }),
    checkOutService: new CheckOutService({
      ...{ units, checkOuts, versions, vault, registry, installation, highWaterMark, openRotations },
    }),
    planning: new Planning({ database, registry, versions, vault, checkOuts, rotations, drivers }),
    rotationService: new RotationService({ checkOuts, rotations, versions, registry, installation, opening, bell }),
    abandonment: new AbandonService({ rotations, vault, installation, opening, bell }),
    queries: new RotationQueries({ database, rotations, statuses: new StatusRepository(), checkOuts }),
    retention: new RetentionService(units, vault, installation, logger),
    restoredProbes: new RestoredProbes({ database, units, registry, versions, vault, drivers, installation, logger }),
  };
}

export type Assembly = Awaited<ReturnType<typeof assemble>>;
