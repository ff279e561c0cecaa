/** No answer within the time. Not an error of the target: it may still be working on what it was sent. */
export class SilentTarget extends Error {
  override readonly name = 'SilentTarget';
}

/** @throws SilentTarget when the answer does not come in time; it is not waited for any longer. */
export async function within<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(() => silence.reject(new SilentTarget(`No answer within ${timeoutMs} ms.`)), timeoutMs);
  try {
    return await Promise.race([answer, silence.promise]);
  } finally {
    clearTimeout(timer);
  }
}
