import type { ClockJump } from './clock-watch.js';
import type { Sighting } from './consumers.js';
import type { Held } from './guard.js';
import type { Rotation } from './rotation.js';

/** What a worker sees at the moment of a decision. */
export interface Observation {
  /** `seq` of the session that this worker itself holds open, null when it holds none. */
  readonly heldSession: number | null;
  /** Check-outs that are not released, of the version whose life the present step ends. */
  readonly checkOuts: readonly Held[];
  /** Who was last seen to use a value of the credential; null when nobody has looked for this rotation. */
  readonly sighting: Sighting | null;
  /** Jumps of the database's clock that this process measured. */
  readonly jumps: readonly ClockJump[];
  /** Mode `restored`: nothing is set, revoked or retired until a person confirmed. */
  readonly isRestored: boolean;
}

/** All that a decision rests on. */
export interface View {
  readonly rotation: Rotation;
  readonly observation: Observation;
  readonly nowMs: number;
}
