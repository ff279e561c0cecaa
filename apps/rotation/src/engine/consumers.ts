import type { Consumer, ConsumersSeen } from '@dsops/drivers/driver';
import { overAt, type ClockJump } from './clock-watch.js';

/** How often it is looked who uses a value while its end waits for that. */
export const SAMPLE_EVERY_MS = 30_000;
/** How long a look counts when a value's life is to be ended. */
const SAMPLE_LASTS_MS = 60_000;
/** When nobody has looked for so long, nothing is known of the time between. */
const LONGEST_GAP_MS = 600_000;

/** Who used the login of a slot when it was last looked at, and for how long nobody has. Kept beside the journal. */
export interface Sighting {
  readonly slot: string;
  readonly atMs: number;
  readonly consumers: readonly Consumer[];
  /** False: sessions may be hidden from us. */
  readonly isWhole: boolean;
  readonly blindSpots: readonly string[];
  /** Since when no look has seen anybody; null when the last one did, or could not tell. */
  readonly quietSinceMs: number | null;
}

/** What a look adds to what was seen before. Sessions that begin and end between two looks stay unseen. */
export function sighted(
  before: Sighting | null,
  slot: string,
  seen: ConsumersSeen | { readonly notBecause: string },
  atMs: number,
): Sighting {
  if ('notBecause' in seen)
    return {
      slot,
      atMs,
      consumers: before?.slot === slot ? before.consumers : [],
      isWhole: false,
      blindSpots: [`anybody since the last look but one: ${seen.notBecause}`],
      quietSinceMs: null,
    };
  const isQuiet = seen.isWhole && seen.sessions.length === 0;
  const goesOn = before?.slot === slot && before.atMs <= atMs && atMs - before.atMs <= LONGEST_GAP_MS;
  return {
    slot,
    atMs,
    consumers: seen.sessions,
    isWhole: seen.isWhole,
    blindSpots: seen.blindSpots,
    quietSinceMs: isQuiet ? ((goesOn ? before.quietSinceMs : null) ?? atMs) : null,
  };
}

/** By what a person recognises a consumer: the same for all of its sessions. */
export const nameOf = ({ login, application, address }: Consumer): string =>
  `${login}${application === null ? '' : ` (${application})`}${address === null ? '' : ` from ${address}`}`;

export const namesOf = (consumers: readonly Consumer[]): string[] => [...new Set(consumers.map(nameOf))].sort();

/** What shows, or says, that nobody uses a value any more. */
export interface EvidenceQuestion {
  readonly slot: string;
  /** Do sessions tell who uses this value? Not where its replacement has the same login. */
  readonly isShown: boolean;
  /** Whom a person saw when it said that the value may end; null when nobody has said so. */
  readonly cleared: readonly string[] | null;
  /** A standing answer: for so long no look may have seen anybody. Null without one. */
  readonly quietForMs: number | null;
}

/** When a standing answer has come true, if nobody is seen until then; null without one, or while somebody is seen. */
export function quietOverAt(
  { quietForMs }: EvidenceQuestion,
  sighting: Sighting | null,
  jumps: readonly ClockJump[],
): number | null {
  const sinceMs = sighting?.quietSinceMs ?? null;
  return quietForMs === null || sinceMs === null ? null : overAt(sinceMs, sinceMs + quietForMs, jumps);
}

/** Is it time to look again? Also at the moment at which a standing answer comes true: that takes a look. */
export function isDue(
  question: EvidenceQuestion,
  sighting: Sighting | null,
  nowMs: number,
  jumps: readonly ClockJump[],
): boolean {
  if (sighting?.slot !== question.slot || sighting.atMs > nowMs || nowMs - sighting.atMs >= SAMPLE_EVERY_MS)
    return true;
  const quietMs = quietOverAt(question, sighting, jumps);
  return quietMs !== null && nowMs >= quietMs && sighting.atMs < quietMs;
}

/**
 * Looking can hold a value, and never clears it: that takes a person who saw who uses it, or its standing answer.
 * Whoever is seen that this person did not see holds the value again.
 */
export function isClear(
  question: EvidenceQuestion,
  sighting: Sighting | null,
  nowMs: number,
  jumps: readonly ClockJump[],
): boolean {
  const { slot, isShown, cleared } = question;
  if (!isShown) return cleared !== null;
  if (sighting?.slot !== slot || sighting.atMs > nowMs || nowMs - sighting.atMs > SAMPLE_LASTS_MS) return false;
  if (cleared !== null && sighting.consumers.every((each) => cleared.includes(nameOf(each)))) return true;
  const quietMs = quietOverAt(question, sighting, jumps);
  return quietMs !== null && sighting.atMs >= quietMs;
}
