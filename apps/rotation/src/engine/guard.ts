import type { ProbeVerdict } from '@dsops/contracts/rotation/states';
import { overAt, type ClockJump } from './clock-watch.js';
import { isClear, SAMPLE_EVERY_MS, type EvidenceQuestion, type Sighting } from './consumers.js';

/** How long a login proves something when a value's life is to be ended. */
export const PROOF_LASTS_MS = 60_000;

/** An audited override, journalled with the effect. It waives waiting, never proof, never the recorded id. */
export interface Waiver {
  /**
   * - `strategy`: in one slot the choice of the strategy overrides grace, evidence and check-outs.
   * - `strategy-once`: the same, of a credential whose own strategy has promised that check-outs hold.
   * - `rollback`: going back waits for no grace period. Whoever has got the new value meanwhile is waited for.
   * - `failed`: the target refuses the value, or what verifies it: it is of use to nobody.
   * - `never-current`: the value was never CURRENT, so nobody can hold it.
   */
  readonly kind: 'strategy' | 'strategy-once' | 'rollback' | 'failed' | 'never-current';
  readonly reason: string;
}

interface Waived {
  readonly grace: boolean;
  readonly evidence: boolean;
  readonly checkOuts: boolean;
}
const ALL: Waived = { grace: true, evidence: true, checkOuts: true };
const WAIVED: Readonly<Record<Waiver['kind'], Waived>> = {
  strategy: ALL,
  'strategy-once': { ...ALL, checkOuts: false },
  rollback: { grace: true, evidence: false, checkOuts: false },
  failed: ALL,
  'never-current': ALL,
};
export const waivedBy = (waiver: Waiver | null): Waived =>
  waiver === null ? { grace: false, evidence: false, checkOuts: false } : WAIVED[waiver.kind];

export interface Proof {
  readonly verdict: ProbeVerdict;
  readonly atMs: number;
}

/** Everything the guard looks at before a value that the target accepts is ended. */
export interface GuardQuestion {
  /** The version whose life ends. */
  readonly ends: string;
  /** What our records say lives in that slot; null when they say nothing. */
  readonly recorded: string | null;
  readonly replacement: {
    readonly isSealed: boolean;
    /**
     * `probe`: the replacement lives in another slot and was accepted. `admin-path`: there is one slot, so it can be
     * proven only that the value is sealed and that the administrator's session is open.
     */
    readonly proof:
      | { readonly by: 'probe'; readonly proof: Proof | null }
      | { readonly by: 'admin-path'; readonly isSessionOpen: boolean };
  };
  /** What a random wrong value got on the slot that is to be ended. */
  readonly control: Proof | null;
  /** Null when nothing was published, so that the grace period has not begun. */
  readonly publishedAtMs: number | null;
  readonly graceMs: number;
  /** Null where nothing has to show that the value is not in use. */
  readonly evidence: EvidenceQuestion | null;
  readonly waiver: Waiver | null;
}

/** A value that somebody holds. */
export interface Held {
  readonly id: string;
  readonly versionId: string;
  /** Null when it is not known since when; then every jump of the clock counts. */
  readonly grantedAtMs: number | null;
  readonly expiresAtMs: number;
}

/** When the last hold is over, in the database's time; 0 without any. */
export const heldUntil = (held: readonly Held[], jumps: readonly ClockJump[]): number =>
  Math.max(0, ...held.map(({ grantedAtMs, expiresAtMs }) => overAt(grantedAtMs ?? 0, expiresAtMs, jumps)));

/** What only the moment can tell. The runtime reads it under the lock of the version's row. */
export interface GuardMoment {
  readonly nowMs: number;
  /** Check-outs of the version that ends, neither released nor overridden. */
  readonly checkOuts: readonly Held[];
  /** Who was last seen to use a value. */
  readonly sighting: Sighting | null;
  /** Jumps of the database's clock that this process measured: they do not count as waiting. */
  readonly jumps: readonly ClockJump[];
  readonly isRestored: boolean;
}

export type MissingRule =
  | 'normal-mode'
  | 'recorded-id'
  | 'replacement-sealed'
  | 'replacement-proven'
  | 'path-proven'
  | 'grace'
  | 'evidence'
  | 'check-outs';

export interface Missing {
  readonly rule: MissingRule;
  /** When it may be there by itself; null when waiting does not bring it. */
  readonly untilMs: number | null;
}

export type GuardAnswer = { readonly allows: true } | { readonly allows: false; readonly missing: readonly Missing[] };

/** Old proofs prove nothing, nor do those that seem to come from the future because the clock was set back. */
export const isFresh = (atMs: number, nowMs: number): boolean => atMs <= nowMs && nowMs - atMs <= PROOF_LASTS_MS;

const isProof = (proof: Proof | null, wanted: ProbeVerdict, nowMs: number): boolean =>
  proof !== null && proof.verdict === wanted && isFresh(proof.atMs, nowMs);

/**
 * The one guard (I4). Every effect that ends the life of a value that the target accepts passes here: retire, and set
 * on an occupied slot. It answers with all that is missing, so that a person sees the whole list at once.
 */
export function guard(question: GuardQuestion, moment: GuardMoment): GuardAnswer {
  const { nowMs } = moment;
  const missing: Missing[] = [];
  const lacks = (rule: MissingRule, untilMs: number | null = null) => missing.push({ rule, untilMs });

  if (moment.isRestored) lacks('normal-mode');
  if (question.recorded !== question.ends) lacks('recorded-id');
  const { isSealed, proof } = question.replacement;
  if (!isSealed) lacks('replacement-sealed');
  const isProven = proof.by === 'probe' ? isProof(proof.proof, 'accepted', nowMs) : proof.isSessionOpen;
  if (!isProven) lacks('replacement-proven');
  if (!isProof(question.control, 'refused', nowMs)) lacks('path-proven');
  const waived = waivedBy(question.waiver);
  if (!waived.grace) {
    const { publishedAtMs, graceMs } = question;
    const graceEndsAtMs = publishedAtMs === null ? null : overAt(publishedAtMs, publishedAtMs + graceMs, moment.jumps);
    if (graceEndsAtMs === null || nowMs < graceEndsAtMs) lacks('grace', graceEndsAtMs);
  }
  const { evidence } = question;
  if (evidence !== null && !waived.evidence && !isClear(evidence, moment.sighting, nowMs, moment.jumps))
    lacks('evidence', nowMs + SAMPLE_EVERY_MS);
  if (!waived.checkOuts) {
    const heldUntilMs = heldUntil(moment.checkOuts, moment.jumps);
    if (nowMs < heldUntilMs) lacks('check-outs', heldUntilMs);
  }
  return missing.length === 0 ? { allows: true } : { allows: false, missing };
}
