import { getRotation, type RotationView } from '@dsops/contracts/rotation/api';
import { TERMINAL_STATES } from '@dsops/contracts/rotation/states';
import { isPassing, type ApiClient } from '@dsops/api-client';
import { Latch } from './latch.js';

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** What is waited for; how far it has come is looked at after each change. */
  readonly isOver: (rotation: RotationView, now: Date) => boolean;
  readonly onStep: (step: RotationView['steps'][number]) => void;
  /** After each look, with what was seen. */
  readonly onLook?: (rotation: RotationView) => void;
  /** The server does not answer; the looks go on. */
  readonly onLost?: () => void;
  readonly now: () => Date;
  /** How long the server may be away before following ends with an error. */
  readonly patienceMs?: number;
}

/** A rotation that waits longer than this for itself is followed no further, unless asked. */
const LONG_WAIT_MS = 60_000;
/** Between two looks: short while no events come, long while they do. */
const LOOK_MS = { polling: [100, 200, 400, 800, 1_000], live: [250, 500, 1_000, 2_000] } as const;
const PATIENCE_MS = 120_000;

/** Has it ended, whatever it had to wait for? */
export const hasEnded = ({ state }: RotationView): boolean => TERMINAL_STATES.includes(state);

/** Has it ended, or does it wait for something that will not come soon? */
export const isSettled = (rotation: RotationView, now: Date): boolean =>
  hasEnded(rotation) ||
  rotation.state === 'needs_operator' ||
  rotation.queuedBehind?.state === 'needs_operator' ||
  waitsLong(rotation, now);

/** As {@link isSettled}, once it goes back: what it waited for before counts no more. */
export const isBack = (rotation: RotationView, now: Date): boolean =>
  hasEnded(rotation) ||
  rotation.state === 'needs_operator' ||
  (rotation.state === 'rollback_in_progress' && waitsLong(rotation, now));

/** Is it past its visible work and asleep, in a grace period for example? */
export function waitsLong({ wakeAt, waitsFor, endedAt }: RotationView, now: Date): boolean {
  const until = waitsFor?.until ?? wakeAt;
  return endedAt === null && until !== null && Date.parse(until) - now.getTime() > LONG_WAIT_MS;
}

/**
 * Follows one rotation live. Events only say when to look; what is shown comes from the rotation's own journal, so that
 * a lost event, a restart of the server or no event stream at all costs time and nothing else.
 * Returns undefined when the signal ended it first.
 */
export async function followRotation(
  client: ApiClient,
  rotationId: string,
  options: FollowOptions,
): Promise<RotationView | undefined> {
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const latch = new Latch();
  let isLive = false;
  const hints = listen();
  try {
    return await look();
  } finally {
    ended.abort();
    await hints;
  }

  async function listen(): Promise<void> {
    try {
      for await (const item of client.events({ types: ['dsops.rotation.'], signal })) {
        isLive = item.kind !== 'lost';
        const isOurs =
          item.kind !== 'event' || (item.event.data as { rotationId?: unknown } | undefined)?.rotationId === rotationId;
        if (isOurs) latch.open();
      }
    } catch {
      // No stream for us: polling alone is enough.
    }
    isLive = false;
  }

  async function look(): Promise<RotationView | undefined> {
    let shown = 0;
    let lostSince: number | undefined;
    for (let round = 0; !options.signal.aborted; round++) {
      try {
        const rotation = await client.call(getRotation, { params: { rotationId } }, { signal });
        lostSince = undefined;
        rotation.steps.slice(shown).forEach(options.onStep);
        shown = Math.max(shown, rotation.steps.length);
        options.onLook?.(rotation);
        if (options.isOver(rotation, options.now())) return rotation;
      } catch (error) {
        if (options.signal.aborted) return undefined;
        if (!isPassing(error)) throw error;
        if (lostSince === undefined) options.onLost?.();
        lostSince ??= performance.now();
        if (performance.now() - lostSince > (options.patienceMs ?? PATIENCE_MS)) throw error;
      }
      const waits = isLive && lostSince === undefined ? LOOK_MS.live : LOOK_MS.polling;
      await latch.wait(waits[Math.min(round, waits.length - 1)] ?? 1_000, options.signal);
    }
    return undefined;
  }
}
