import type { RotationState } from '@dsops/contracts/rotation/states';
import type { Unit, UnitOfWork } from '@dsops/messaging';
import type { Tx } from './database/tx.js';

/** What the registry and the installation need to know of rotations under way. The engine implements it. */
export interface OpenRotations {
  /** The rotation of this service that has not ended, null when there is none. Read under the lock of the service's row. */
  of(tx: Tx, serviceId: string): Promise<{ readonly id: string; readonly state: RotationState } | null>;

  /**
   * The installation is in mode `restored`: every open rotation becomes `needs_operator`, for `reason`. Called at each
   * start in that mode and when it is entered, so a second call changes nothing more.
   */
  holdForRestore(unit: Unit<Tx>, reason: string): Promise<void>;

  /**
   * What kept the rotation of this service from going on was put right: if it waits to try again, or asks what a probe
   * could answer, it tries again now. One that only a person may let go on stays where it is.
   */
  tryAgain(unit: Unit<Tx>, serviceId: string): Promise<void>;

  /** What the rotation of this credential may be waiting for has come: it looks now. A hint, in a transaction of its own. */
  wake(units: UnitOfWork<Tx>, credentialId: string): Promise<void>;
}

/** For a process in which no engine runs, so that no rotation can be open. */
export const noOpenRotations: OpenRotations = {
  of: async () => null,
  holdForRestore: async () => undefined,
  tryAgain: async () => undefined,
  wake: async () => undefined,
};
