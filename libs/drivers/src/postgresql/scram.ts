import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { saslprep } from '@mongodb-js/saslprep';
import { DomainError, unwrapSecret, type Secret } from '@dsops/kernel';

const derive = promisify(pbkdf2);
/** The server's own default (`scram_iterations`). */
const ITERATIONS = 4096;
const SALT_BYTES = 16;

/**
 * What PostgreSQL keeps of a password: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (RFC 5802, RFC 7677;
 * base64). The server takes it in place of the password, so the password itself is in no statement, log or
 * pg_stat_activity. A server cannot judge the strength of a password that it never sees; {@link generatePassword} does.
 * @throws DomainError `password_unusable` for a value that PostgreSQL could never accept at a login.
 */
export async function scramVerifier(password: Secret, salt: Buffer = randomBytes(SALT_BYTES)): Promise<string> {
  const salted = await derive(normalise(unwrapSecret(password)), salt, ITERATIONS, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`;
}

/**
 * SASLprep (RFC 4013), as server and libpq do it: a value that the profile prohibits is used as it is instead of being
 * refused, and ASCII is never touched.
 */
function normalise(value: string): string {
  if (value === '' || value.includes('\0'))
    throw new DomainError('password_unusable', 'invalid', 'PostgreSQL accepts no empty password and no NUL in one.', {
      remedy: 'Use a value without NUL characters that is not empty.',
    });
  if (/^[\x01-\x7f]*$/.test(value)) return value;
  try {
    return saslprep(value) || value;
  } catch {
    return value;
  }
}
