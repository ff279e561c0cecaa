import { z } from 'zod';

/** The public states of a rotation (R2). `needs_operator` is not terminal: a conclusive probe or a person resumes it. */
export const ROTATION_STATES = [
  'pending',
  'rotating',
  'verifying',
  'rollback_in_progress',
  'rolled_back',
  'rollback_failed',
  'completed',
  'failed',
  'needs_operator',
] as const;
export const rotationStateSchema = z.enum(ROTATION_STATES);
export type RotationState = z.infer<typeof rotationStateSchema>;

export const TERMINAL_STATES: readonly RotationState[] = ['rolled_back', 'rollback_failed', 'completed', 'failed'];

export const ON_CONFLICT = ['reject', 'queue', 'replace'] as const;
/** What the target answers to a login: see the engine's words on probes. */
export const PROBE_VERDICTS = ['accepted', 'refused', 'errored', 'inconclusive'] as const;
export type ProbeVerdict = (typeof PROBE_VERDICTS)[number];

/**
 * What is known of a version. `unverified`: the target lets it in, and the verification failed behind that; it is not
 * `refused`, and what was not refused can still be used by somebody.
 */
export const verdictSchema = z.enum([...PROBE_VERDICTS, 'unverified']);
export type Verdict = z.infer<typeof verdictSchema>;
export const verdictOf = (probe: ProbeVerdict, isVerification: boolean): Verdict =>
  probe === 'refused' && isVerification ? 'unverified' : probe;
