import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';

const VERIFIER = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/;

/**
 * Would a server that keeps this verifier (`pg_authid.rolpassword`, RFC 5803) let this value in? Written apart from the
 * product's own SCRAM, so that a mistake there is not made here too. Values are ASCII.
 */
export function verifierAccepts(verifier: string, value: string): boolean {
  const [, iterations, salt = '', storedKey = ''] = VERIFIER.exec(verifier) ?? [];
  if (iterations === undefined) throw new TypeError('The server keeps something else than a SCRAM-SHA-256 verifier.');
  const salted = pbkdf2Sync(value, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  return timingSafeEqual(createHash('sha256').update(clientKey).digest(), Buffer.from(storedKey, 'base64'));
}

/** Which of the values a verifier accepts. Each pair is computed once, because it takes milliseconds. */
export class VerifierBook {
  private readonly known = new Map<string, string>();
  private readonly tried = new Set<string>();

  /** @returns the value, or null when it is none of them. */
  valueOf(verifier: string, values: readonly string[]): string | null {
    const found = this.known.get(verifier);
    if (found !== undefined) return found;
    for (const value of values) {
      const pair = `${verifier} ${value}`;
      if (this.tried.has(pair)) continue;
      this.tried.add(pair);
      if (!verifierAccepts(verifier, value)) continue;
      this.known.set(verifier, value);
      return value;
    }
    return null;
  }
}
