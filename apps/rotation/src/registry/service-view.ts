import { shownAddress } from '@dsops/contracts/rotation/targets/define-target';
import type { ServiceView } from '@dsops/contracts/rotation/api';
import type { Version } from '../vault/version.js';
import type { RegisteredService } from './service.js';

export const viewOf = (service: RegisteredService, versions: readonly Version[]): ServiceView => ({
  id: service.id,
  name: service.name,
  environment: service.environment,
  type: service.type,
  target: shownAddress(service.target),
  adminUsername: service.adminUsername,
  managedBy: service.managedBy,
  credential: {
    id: service.credential.id,
    name: service.credential.name,
    strategy: service.credential.strategy,
    settings: service.credential.settings as ServiceView['credential']['settings'],
    slots: service.credential.slots.map(({ name }) => name),
    consumers: service.credential.consumers,
    gracePeriod: service.credential.gracePeriod,
    maxGrace: service.credential.maxGrace,
    retire: { whenQuietFor: service.credential.quietFor },
  },
  versions: versions.map(versionViewOf),
  createdAt: service.createdAt.toISOString(),
});

const versionViewOf = (version: Version): ServiceView['versions'][number] => ({
  id: version.id,
  name: version.name,
  slot: version.slot,
  username: version.login,
  label: version.label,
  verdict: version.verdict,
  createdAt: version.createdAt.toISOString(),
  endedAt: version.endedAt?.toISOString() ?? null,
});
