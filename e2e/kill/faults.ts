import type { Point } from './protocol.js';

/** What happens to a rotation at a point of its course. */
export type Fault = keyof typeof FAULTS;

interface FaultKind {
  /** For the head of a table. */
  readonly words: string;
  /** Where it means something; elsewhere the cell is n/a. */
  readonly appliesAt: (point: Point, isOver: boolean) => boolean;
}

/** Effects that speak with the target, as the driver's calls are named. */
const AT_TARGET = /^(probe|open-session|end-session|set|retire)\b/;
const isAtTarget = ({ effect }: Point): boolean => AT_TARGET.test(effect);
const isAsked = (point: Point): boolean => isAtTarget(point) && point.when === 'before';

/**
 * Where one is tried that runs already and waits until the lease of the dead one is over: where the target or the labels
 * are changed, because a lease takes its time. Not within a transaction: the one before holds its locks.
 */
const isLeaseWorth = ({ effect, when }: Point): boolean =>
  effect === 'set' || effect === 'retire' || (effect.startsWith('move-labels') && when === 'after');

/** What is done while a person's request is answered: no lease covers it. */
const isRequest = ({ effect }: Point): boolean => /^(planned|rollback-requested)\b/.test(effect);

const kind = (words: string, appliesAt: FaultKind['appliesAt']): FaultKind => ({ words, appliesAt });

export const FAULTS = {
  /** SIGKILL; a process goes on that starts then and is the only one of its installation. */
  killed: kind('killed', () => true),
  /** SIGKILL; a process goes on that runs already and waits for the lease. */
  'killed-by-lease': kind('killed, by lease', (point) => isLeaseWorth(point)),
  /** The target gets the request and does it; the answer is dropped and the connection reset. */
  'answer-lost': kind('answer lost', (point) => isAsked(point)),
  /** The connection is reset, and the request reaches the target only once the worker has begun to recover from that. */
  'answer-late': kind('answer late', (point) => isAsked(point)),
  /** SIGSTOP until another process has taken the rotation over, then SIGCONT. */
  paused: kind('paused past lease', (point, isOver) => !isOver && !isRequest(point)),
  /** The target's server crashes and comes back. */
  'target-restarted': kind('target restarted', () => true),
  /** Our database's server crashes and comes back. */
  'database-restarted': kind('database restarted', () => true),
  /** Our database's clock goes two hours ahead. */
  'clock-ahead': kind('clock ahead', () => true),
} as const satisfies Record<string, FaultKind>;

export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[];

/** The faults that mean something at this point. @param isOver nothing of the rotation is left to do after it */
export const faultsAt = (point: Point, isOver: boolean): Fault[] =>
  FAULT_NAMES.filter((fault) => FAULTS[fault].appliesAt(point, isOver));

/** What the proxy has to see before it acts: the command itself, not what is sent before it in the same session. */
export const requestOf = ({ effect }: Point, commandMark: string): string | undefined =>
  effect === 'set' || effect === 'retire' ? commandMark : undefined;
