import type { SealedPlace } from '@dsops/sealing';
import type { Version } from './version.js';

/** What a sealed value of this service belongs to, and so where its row is. The ids it is bound to never change. */
export interface VaultPlace extends SealedPlace {
  readonly purpose: 'version' | 'admin';
  /** The version, or the service whose admin password it is. */
  readonly ownerId: string;
}

export const versionPlace = ({
  id,
  credentialId,
  slot,
}: Pick<Version, 'id' | 'credentialId' | 'slot'>): VaultPlace => ({
  purpose: 'version',
  ids: [credentialId, id, slot],
  ownerId: id,
});

export const adminPlace = (serviceId: string, username: string): VaultPlace => ({
  purpose: 'admin',
  ids: [serviceId, username],
  ownerId: serviceId,
});
