import { formatDuration } from '@dsops/kernel';
import { overAt } from './clock-watch.js';
import { isClear, isDue, quietOverAt, SAMPLE_EVERY_MS, type EvidenceQuestion } from './consumers.js';
import { heldUntil, waivedBy, type Held, type Waiver } from './guard.js';
import { journal, wait, type Effect } from './journal.js';
import type { VersionRef } from './plan.js';
import type { Rotation } from './rotation.js';
import type { View } from './view.js';

/** A value whose life is to end, and what takes its place. */
export interface Ending {
  readonly version: VersionRef;
  readonly replacement: { readonly version: VersionRef };
  readonly waiver: Waiver | null;
}

/** How often to look whether held values were released early. */
const HOLDS_LOOK_MS = 10_000;
const MOST_NAMED_HOLDS = 3;

/** Null where nothing has to show that the value is not in use. */
export function evidenceOf(rotation: Rotation, { version, replacement, waiver }: Ending): EvidenceQuestion | null {
  const { consumers, facts } = rotation.plan;
  if (consumers.kind === 'managed' || waivedBy(waiver).evidence) return null;
  const { cleared } = rotation;
  return {
    slot: version.slot,
    isShown: facts.evidence !== null && version.login !== replacement.version.login,
    cleared: cleared?.versionId === version.id ? cleared.consumers : null,
    quietForMs: consumers.quietForMs,
  };
}

/** Check-outs that keep the value alive: those that no person has overridden by name. */
export const holdsOf = ({ observation, rotation }: View, { version, waiver }: Ending): readonly Held[] =>
  waivedBy(waiver).checkOuts
    ? []
    : observation.checkOuts.filter(
        ({ id, versionId }) => versionId === version.id && !rotation.cleared?.checkOuts.includes(id),
      );

/**
 * What is waited for before a value's life ends: the grace period, who holds it, and that it is shown or said that
 * nobody uses it any more. Null when nothing is left to wait for. Looks that change nothing write no entry.
 */
export function awaitRelease(view: View, ending: Ending): Effect | null {
  const { rotation, observation, nowMs } = view;
  const { plan, publishedAtMs, waiting } = rotation;
  const { sighting, jumps } = observation;
  const sinceMs = publishedAtMs ?? nowMs;
  const graceEndsAtMs = waivedBy(ending.waiver).grace ? 0 : overAt(sinceMs, sinceMs + plan.graceMs, jumps);
  const held = holdsOf(view, ending);
  const heldUntilMs = heldUntil(held, jumps);
  const question = evidenceOf(rotation, ending);
  if (question?.isShown && isDue(question, sighting, nowMs, jumps)) return { do: 'sample', slot: ending.version.slot };
  const isInUse = question !== null && !isClear(question, sighting, nowMs, jumps);
  const askAtMs = isInUse ? nextAskAt(view, ending) : 0;
  if (isInUse && nowMs >= askAtMs)
    return journal({
      kind: 'evidence-wanted',
      versionId: ending.version.id,
      consumers: sighting?.slot === ending.version.slot ? sighting.consumers : [],
      blindSpots: blindSpotsOf(view, question),
    });
  const untilMs = Math.max(graceEndsAtMs, heldUntilMs, askAtMs);
  if (nowMs >= untilMs) return null;
  const lookAtMs = Math.min(
    untilMs,
    nowMs < heldUntilMs ? nowMs + HOLDS_LOOK_MS : untilMs,
    isInUse ? Math.min(nowMs + SAMPLE_EVERY_MS, quietOverAt(question, sighting, jumps) ?? Infinity) : untilMs,
  );
  if (waiting?.untilMs === untilMs) return wait(lookAtMs);
  const reasons = [
    ...(nowMs < graceEndsAtMs ? [`the grace period of ${formatDuration(plan.graceMs)}`] : []),
    ...(nowMs < heldUntilMs ? [checkOutsOf(held, ending, rotation, nowMs)] : []),
    ...(isInUse ? [`a word that nobody uses ${ending.version.login} any more`] : []),
  ];
  return journal({ kind: 'waiting', untilMs, reason: `Waiting for ${reasons.join(' and ')}.` });
}

export const blindSpotsOf = ({ rotation, observation }: View, { isShown, slot }: EvidenceQuestion): string[] => [
  ...(isShown
    ? (rotation.plan.facts.evidence?.blindSpots ?? [])
    : ['whoever uses it: its replacement has the same login']),
  ...(observation.sighting?.slot === slot ? observation.sighting.blindSpots : []),
];

/** At once, or with a standing answer when that has not come true in time; again when an answer has not helped. */
function nextAskAt({ rotation, observation, nowMs }: View, { version }: Ending): number {
  const { plan, asked, publishedAtMs } = rotation;
  if (plan.consumers.kind === 'managed') throw new TypeError('Nobody is asked about managed consumers.');
  const { maxGraceMs, quietForMs } = plan.consumers;
  const later = (sinceMs: number) => overAt(sinceMs, sinceMs + maxGraceMs, observation.jumps);
  if (asked?.versionId === version.id) return asked.isAnswered ? nowMs : later(asked.atMs);
  return quietForMs === null ? nowMs : later(publishedAtMs ?? rotation.startedAtMs);
}

/** Whoever holds the value can be asked to release it: by these ids. */
function checkOutsOf(held: readonly Held[], { version }: Ending, { plan }: Rotation, nowMs: number): string {
  const ids = held.filter(({ expiresAtMs }) => expiresAtMs > nowMs).map(({ id }) => id);
  const named = ids.slice(0, MOST_NAMED_HOLDS).join(', ');
  const which = version.id === plan.newVersion.id ? 'the new value' : 'the old value';
  return ids.length === 1
    ? `a check-out of ${which} (${named})`
    : `${ids.length} check-outs of ${which} (${named}${ids.length > MOST_NAMED_HOLDS ? ', …' : ''})`;
}
