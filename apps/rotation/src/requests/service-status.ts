import type { ServiceStatus } from '@dsops/contracts/rotation/api';
import type { RotationState } from '@dsops/contracts/rotation/states';
import { fold } from '../engine/fold.js';
import { upgraded } from '../engine/upgrade.js';
import { heldBy } from './held.js';
import { errorOf } from './rotation-view.js';
import type { StatusRow } from './status.repository.js';

/** Where a service stands, from what is known of its latest rotation and of its versions. */
export function statusOf({ environment, service, latest, counts, versions }: StatusRow): ServiceStatus {
  const current = versions.find(({ label }) => label === 'CURRENT');
  // After a restore it may be: the installation that went on has replaced it. No rotation mends that by itself.
  const isRefused = current?.verdict === 'refused' && (latest === null || latest.isSettled);
  const count = (...states: RotationState[]) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return {
    service_name: service,
    environment,
    status: isRefused ? 'needs_operator' : wordOf(latest?.state),
    last_rotation: latest?.startedAt.toISOString() ?? null,
    next_rotation: null,
    last_result: latest?.state ?? null,
    last_error: isRefused ? `The target refuses ${current.name}, which is CURRENT here.` : errorIn(latest),
    rotation_count: Object.values(counts).reduce((sum, each) => sum + each, 0),
    success_count: count('completed'),
    failure_count: count('failed', 'rolled_back', 'rollback_failed'),
    current_version: current?.name ?? null,
    waits_for: waitsOf(latest),
    target: Object.fromEntries(
      versions.flatMap(({ name, verdict }) => (verdict === null ? [] : [[name, verdict] as const])),
    ),
  };
}

function waitsOf(latest: StatusRow['latest']): ServiceStatus['waits_for'] {
  const rotation = latest?.entries && fold(latest.entries.map(upgraded));
  if (!rotation?.waiting || latest?.isSettled) return null;
  const { reason, untilMs } = rotation.waiting;
  const held = heldBy(rotation, latest?.sighting ?? null, []);
  return { reason, until: new Date(untilMs).toISOString(), consumers: held?.view.consumers ?? null };
}

function errorIn(latest: StatusRow['latest']): string | null {
  if (latest === null) return null;
  const { state, refusal, entries } = latest;
  return errorOf({ row: { state, refusal }, rotation: entries && fold(entries.map(upgraded)) })?.message ?? null;
}

/** How a service stands after its latest rotation. */
function wordOf(state: RotationState | undefined): ServiceStatus['status'] {
  switch (state) {
    case undefined:
      return 'never_rotated';
    case 'completed':
    case 'rolled_back':
      return 'active';
    case 'failed':
    case 'rollback_failed':
      return 'failed';
    case 'needs_operator':
      return 'needs_operator';
    case 'pending':
    case 'rotating':
    case 'verifying':
    case 'rollback_in_progress':
      return 'rotating';
  }
}
