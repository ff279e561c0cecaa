import { isPassing, type ApiClient } from '@dsops/api-client';
import type { Session } from '../../session.js';
import { Latch } from './latch.js';

/** Relative times grow old even when nothing happens. */
const LOOK_AGAIN_MS = 5_000;

/**
 * Shows what `fetch` gives, again after each change, until Ctrl-C. On a terminal the screen is redrawn; elsewhere each
 * look that differs from the one before is printed.
 */
export async function watchChanges<T>(
  session: Session,
  client: ApiClient,
  fetch: () => Promise<T>,
  show: (value: T) => void,
): Promise<void> {
  const { out, err, io } = session;
  const stop = new AbortController();
  const stopListening = io.onInterrupt(() => stop.abort());
  const latch = new Latch();
  const hints = listen();
  try {
    let before: string | undefined;
    while (!stop.signal.aborted) {
      const value = await look();
      const now = JSON.stringify(value);
      if (value !== undefined && (out.isTerminal || now !== before)) {
        // Clears the screen and goes to its top.
        if (out.isTerminal) out.write('\x1b[2J\x1b[H');
        show(value);
        if (out.isTerminal) err.line(err.paint.dim(`\n${io.now().toISOString().slice(11, 19)} UTC, Ctrl-C to leave`));
        before = now;
      }
      await latch.wait(LOOK_AGAIN_MS, stop.signal);
    }
  } finally {
    stop.abort();
    stopListening();
    await hints;
  }

  async function look(): Promise<T | undefined> {
    try {
      return await fetch();
    } catch (error) {
      if (stop.signal.aborted) return undefined;
      if (!isPassing(error)) throw error;
      err.line(err.paint.yellow('dsops does not answer; trying again'));
      return undefined;
    }
  }

  async function listen(): Promise<void> {
    try {
      for await (const item of client.events({ types: ['dsops.rotation.'], signal: stop.signal }))
        if (item.kind !== 'lost') latch.open();
    } catch {
      // No stream for us: looking every few seconds has to do.
    }
  }
}
