import { createHash } from 'node:crypto';
import type { ConsumersView, RotationView } from '@dsops/contracts/rotation/api';
import type { CheckOutRepository } from '../check-out/check-out.repository.js';
import type { Tx } from '../database/tx.js';
import { nameOf, namesOf, type Sighting } from '../engine/consumers.js';
import { blindSpotsOf, evidenceOf, holdsOf } from '../engine/release.js';
import { nextStep, type Rotation } from '../engine/rotation.js';
import { endingAt } from '../engine/steps.js';
import type { View } from '../engine/view.js';
import type { LoadedRotation } from '../run/rotation.repository.js';

/** What keeps a value alive whose end is next. */
export interface Held {
  readonly versionId: string;
  /** Names of the consumers that were seen; null where nobody has to say that it is not in use. */
  readonly consumers: readonly string[] | null;
  readonly view: NonNullable<RotationView['held']>;
}

/**
 * @param checkOuts ids of open check-outs of the version that ends
 * @returns null where no value waits to end, or only for its grace period
 */
export function heldBy(rotation: Rotation, sighting: Sighting | null, checkOuts: readonly string[]): Held | null {
  const ending = endingAt(rotation);
  if (!ending || rotation.waiting?.step !== nextStep(rotation)) return null;
  const { version } = ending;
  const holds = checkOuts.map((id) => ({ id, versionId: version.id, grantedAtMs: null, expiresAtMs: 0 }));
  const observation = { heldSession: null, checkOuts: holds, sighting, jumps: [], isRestored: false };
  const view: View = { rotation, observation, nowMs: 0 };
  const holding = holdsOf(view, ending).map(({ id }) => id);
  const question = evidenceOf(rotation, ending);
  const ofSlot = sighting?.slot === version.slot ? sighting : null;
  const isCleared = question?.cleared?.length !== undefined && isKnown(question.cleared, ofSlot);
  const consumers = question === null || isCleared ? null : consumersView(ofSlot, blindSpotsOf(view, question));
  if (consumers === null && holding.length === 0) return null;
  const names = consumers && namesOf(consumers.sessions);
  return {
    versionId: version.id,
    consumers: names,
    view: {
      version: version.name,
      login: version.login,
      consumers,
      checkOuts: holding,
      seen: digestOf(version.id, names, holding),
    },
  };
}

/** As {@link heldBy}, with the check-outs looked up. */
export async function findHeld(
  tx: Tx,
  checkOuts: CheckOutRepository,
  { row, rotation }: LoadedRotation,
  nowMs: number,
): Promise<Held | null> {
  const ending = rotation?.waiting ? endingAt(rotation) : null;
  if (!rotation || !ending) return null;
  const open = await checkOuts.holdsOf(tx, ending.version.id, nowMs);
  return heldBy(
    rotation,
    row.sighting,
    open.map(({ id }) => id),
  );
}

export async function holdsViewOf(
  tx: Tx,
  checkOuts: CheckOutRepository,
  loaded: LoadedRotation,
  nowMs: number,
): Promise<Pick<RotationView, 'held' | 'newVersionCheckOuts'>> {
  const { rotation } = loaded;
  if (!rotation || rotation.isSettled) return { held: null, newVersionCheckOuts: [] };
  const held = await findHeld(tx, checkOuts, loaded, nowMs);
  const ofNew = rotation.current === 'new' ? await checkOuts.holdsOf(tx, rotation.plan.newVersion.id, nowMs) : [];
  return { held: held?.view ?? null, newVersionCheckOuts: ofNew.map(({ id }) => id) };
}

const isKnown = (cleared: readonly string[], sighting: Sighting | null): boolean =>
  (sighting?.consumers ?? []).every((each) => cleared.includes(nameOf(each)));

export const consumersView = (sighting: Sighting | null, blindSpots: readonly string[]): ConsumersView => ({
  sessions: [...(sighting?.consumers ?? [])],
  lookedAt: sighting && new Date(sighting.atMs).toISOString(),
  quietSince: sighting?.quietSinceMs == null ? null : new Date(sighting.quietSinceMs).toISOString(),
  blindSpots: [...blindSpots],
});

const digestOf = (...facts: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(facts)).digest('base64url').slice(0, 22);
