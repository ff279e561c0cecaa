import type { RotationView } from '@dsops/contracts/rotation/api';
import { knownByName } from '../run/announcement.js';
import type { RotationError } from '../engine/journal.js';
import type { LoadedRotation, RotationRow, ServiceNames } from '../run/rotation.repository.js';
import type { Rotation } from '../engine/rotation.js';

const noError = (state: RotationView['state']): boolean => state === 'completed' || state === 'pending';

export function errorOf({
  row,
  rotation,
}: {
  readonly row: Pick<RotationRow, 'state' | 'refusal'>;
  readonly rotation: Rotation | null;
}): RotationView['error'] {
  if (!rotation) return row.refusal && told(row.refusal);
  if (noError(row.state)) return null;
  const cause = rotation.conclusion?.error ?? rotation.asking ?? rotation.turn?.error;
  return cause ? told(cause) : null;
}

const told = ({ code, message, remedy, about }: RotationError): RotationView['error'] => ({
  code,
  message,
  remedy,
  about: about ?? null,
});

const iso = (atMs: number): string => new Date(atMs).toISOString();

const stepsOf = (rotation: Rotation): RotationView['steps'] =>
  rotation.steps.map(({ name, outcome, startedAtMs, durationMs, note }) => ({
    name,
    outcome,
    startedAt: iso(startedAtMs),
    durationMs,
    note,
  }));

/**
 * A rotation as the API shows it.
 * @param openOf the open rotation of each credential for which this one may be queued
 * @param holds who keeps its values alive
 * @param nowMs the database's time
 */
export function viewOf(
  loaded: LoadedRotation,
  names: ServiceNames,
  openOf: ReadonlyMap<string, LoadedRotation>,
  holds: Pick<RotationView, 'held' | 'newVersionCheckOuts'>,
  nowMs: number,
): RotationView {
  const { row, rotation } = loaded;
  const ahead = row.isQueued ? openOf.get(row.credentialId) : undefined;
  const waiting = (ahead ?? loaded).rotation?.waiting;
  const endedAtMs = row.endedAt?.getTime() ?? null;
  return {
    id: row.id,
    serviceId: row.serviceId,
    ...names,
    credentialId: row.credentialId,
    strategy: row.strategy,
    state: row.state,
    requestedBy: row.requestedBy,
    reason: row.reason,
    previousVersion: rotation?.plan.oldVersion?.name ?? null,
    newVersion: rotation?.isGenerated ? rotation.plan.newVersion.name : null,
    error: errorOf(loaded),
    known: rotation ? knownByName(rotation) : {},
    wakeAt: row.wakeAt && row.wakeAt.getTime() > nowMs ? row.wakeAt.toISOString() : null,
    waitsFor: waiting ? { reason: waiting.reason, until: iso(waiting.untilMs) } : null,
    ...holds,
    queuedBehind: ahead ? { id: ahead.row.id, state: ahead.row.state } : null,
    told: rotation ? rotation.told.map(({ atMs, ...each }) => ({ ...each, at: iso(atMs) })) : [],
    startedAt: row.startedAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
    durationMs: Math.max(0, (endedAtMs ?? nowMs) - row.startedAt.getTime()),
    steps: rotation ? stepsOf(rotation) : [],
  };
}
