import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { raiseEpoch } from '@dsops/messaging';
import { createLogger } from '@dsops/platform';
import { noOpenRotations } from '../open-rotations.js';
import type { RotationDatabase } from '../vault/rotation-database.fixture.js';
import { HighWaterMark } from './high-water-mark.service.js';
import { InstallationRepository } from './installation.repository.js';
import { InstallationService } from './installation.service.js';
import { MarkFile } from './mark-file.js';

/** An installation over a database of a spec. */
export function buildInstallation(world: RotationDatabase, markPath: string, openRotations = noOpenRotations) {
  const { database, units, key } = world;
  const installations = new InstallationRepository();
  const markFile = new MarkFile(markPath);
  const installation = new InstallationService({
    database,
    units,
    installations,
    markFile,
    keyId: key.id,
    openRotations,
    raiseEpoch,
    logger: createLogger({ service: 'rotation', level: 'silent' }),
  });
  const mark = new HighWaterMark(database, installations, markFile, (reason) => installation.enterRestored(reason));
  return { installation, mark };
}

/** The same, opened, in a folder of its own. */
export async function openInstallation(world: RotationDatabase, openRotations = noOpenRotations) {
  const home = await mkdtemp(join(tmpdir(), 'dsops-home-'));
  const built = buildInstallation(world, join(home, 'mark.json'), openRotations);
  await built.installation.open();
  return { ...built, close: () => rm(home, { recursive: true }) };
}
