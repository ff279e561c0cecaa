import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Secret, unwrapSecret } from '@dsops/kernel';

const SECRET_BYTES = 32;
const FORM = /^dsops_([0-9A-HJKMNP-TV-Z]{26})_([A-Za-z0-9_-]{43})$/;

/** A key as somebody states it: `dsops_<id>_<secret>`. The id finds the row, the secret proves the right to use it. */
export interface StatedKey {
  readonly id: string;
  readonly secret: Secret;
}

/** A new key for this id. `value` is shown once; `hash` is what is kept. */
export function makeKey(id: string): { value: Secret; hash: string } {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { value: new Secret(`dsops_${id}_${secret}`), hash: hashOf(secret) };
}

/** The parts of a key; undefined when it does not look like one of ours. */
export function readKey(value: Secret): StatedKey | undefined {
  const [, id, secret] = FORM.exec(unwrapSecret(value)) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret: new Secret(secret) };
}

/** What is compared when there is no such key, so that the answer takes as long as for one that exists. */
const NO_KEY: StatedKey = { id: '0'.repeat(26), secret: new Secret('') };
const NO_HASH = hashOf(randomBytes(SECRET_BYTES).toString('base64url'));

export const orNoKey = (stated: StatedKey | undefined): StatedKey => stated ?? NO_KEY;

/** Is this the secret behind the hash? Takes the same time whatever the answer is, also when there is no hash. */
export function isSecretOf(secret: Secret, hash: string | undefined): boolean {
  const stated = Buffer.from(hashOf(unwrapSecret(secret)), 'hex');
  const kept = Buffer.from(hash ?? NO_HASH, 'hex');
  return stated.length === kept.length && timingSafeEqual(stated, kept) && hash !== undefined;
}

/** SHA-256 is enough here: the secret has 256 random bits, so there is nothing to guess that a slow hash would protect. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
