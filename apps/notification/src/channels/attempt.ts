import { formatDuration, isDomainError } from '@dsops/kernel';
import type { Attempt, OutsideChannel, Sent } from './channel.js';

/**
 * One attempt of a channel. Whatever the channel does, this resolves, and not much later than the channel's time: what it
 * throws has failed, and so has what it does not end.
 */
export async function attemptOf(
  { limits: { timeoutMs } }: OutsideChannel,
  { key, number }: Omit<Attempt, 'signal'>,
  send: (attempt: Attempt) => Promise<Sent>,
): Promise<Sent> {
  const signal = AbortSignal.timeout(timeoutMs);
  const reason = `There was no answer in ${formatDuration(timeoutMs)}.`;
  const late = new Promise<Sent>((done) => {
    signal.addEventListener('abort', () => done({ kind: 'failed', reason }));
  });
  try {
    return await Promise.race([send({ key, number, signal }), late]);
  } catch (error) {
    if (signal.aborted) return { kind: 'failed', reason };
    // The text of a foreign error may hold what it was about, such as the address of a webhook.
    const what = isDomainError(error) ? error.message : `The channel could not send (${nameOf(error)}).`;
    return { kind: 'failed', reason: what };
  }
}

/** What Node calls a failed connection, such as ECONNREFUSED, or else the name of the error. */
function nameOf(error: unknown): string {
  const { name, code, cause } = error as Error & { code?: unknown };
  const codes = [code, (cause as { code?: unknown } | undefined)?.code];
  return codes.find((one) => typeof one === 'string' && /^[A-Z_]+$/.test(one))?.toString() ?? name;
}
