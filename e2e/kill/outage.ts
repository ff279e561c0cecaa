import { setTimeout as pause } from 'node:timers/promises';

const SYSTEM = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);
/** Connection exceptions, and what a server says that is shutting down, recovering or starting. */
const STATE = /^(08|57P0)/;
const WORDS = /Connection terminated|connection is not queryable/i;

/** Is this a server that is away for a moment, and not an answer? */
export function isOutage(error: unknown): boolean {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  return SYSTEM.has(code ?? '') || STATE.test(code ?? '') || WORDS.test(message ?? '');
}

const PATIENCE_MS = 30_000;
const RETRY_MS = 20;

/**
 * Asks again until a server that is restarted is back.
 * @param isAway does this error say that? Of a target of any kind, every error may
 */
export async function throughOutage<T>(
  ask: () => Promise<T>,
  isAway: (error: unknown) => boolean = isOutage,
): Promise<T> {
  for (const untilMs = performance.now() + PATIENCE_MS; ;) {
    try {
      return await ask();
    } catch (error) {
      if (!isAway(error) || performance.now() > untilMs) throw error;
    }
    await pause(RETRY_MS);
  }
}
