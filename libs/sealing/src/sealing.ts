import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomBytes,
  type CipherGCMTypes,
  type KeyObject,
} from 'node:crypto';
import { DomainError, Secret, unwrapSecret } from '@dsops/kernel';
import type { SealingKey } from './sealing-key.js';

/** Stored with each value, so that another algorithm can come beside it. */
export const ALGORITHM = 'AES-256-GCM';
const CIPHER: CipherGCMTypes = 'aes-256-gcm';
const DATA_KEY_BYTES = 32;
/** 96 bits, the length GCM is made for (NIST SP 800-38D §8.2); random, and each key but the wrapping key is used once. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed value belongs to. Immutable ids only: a value that is moved to another place does not open there. */
export type SealedPlace =
  | { readonly kind: 'version'; readonly credentialId: string; readonly versionId: string; readonly slot: string }
  | { readonly kind: 'admin'; readonly serviceId: string; readonly username: string };

type Bytes = Uint8Array<ArrayBuffer>;

/** A value under a data key of its own, and that data key under the installation's key. */
export interface SealedValue {
  readonly keyId: string;
  readonly algorithm: string;
  readonly wrapNonce: Bytes;
  readonly wrappedKey: Bytes;
  readonly wrapTag: Bytes;
  readonly nonce: Bytes;
  readonly ciphertext: Bytes;
  readonly tag: Bytes;
}

/** Envelope encryption. A value may be empty; it must be text that UTF-8 can carry. */
export function seal(key: SealingKey, place: SealedPlace, value: Secret): SealedValue {
  const text = unwrapSecret(value);
  if (!text.isWellFormed())
    throw new DomainError('value_not_text', 'invalid', 'The value holds half a character and could not be kept.', {
      remedy: 'Use a value that is valid Unicode text.',
    });
  const dataKey = randomBytes(DATA_KEY_BYTES);
  const body = encrypt(createSecretKey(dataKey), Buffer.from(text, 'utf8'), bodyContext(place));
  const sealed = { ...wrap(key, place, dataKey), algorithm: ALGORITHM, ...body };
  dataKey.fill(0);
  return sealed;
}

/**
 * The value, if every byte of it and its place are what was sealed.
 * @throws DomainError `sealed_value_damaged`, or `key_missing` when another key sealed it.
 */
export function unseal(key: SealingKey, place: SealedPlace, sealed: SealedValue): Secret {
  const dataKey = unwrapDataKey(key, place, sealed);
  const text = open(place, () => decrypt(createSecretKey(dataKey), sealed, bodyContext(place)));
  dataKey.fill(0);
  return new Secret(text.toString('utf8'));
}

/** The same sealed value under another key. The value itself stays encrypted as it is; only its data key is wrapped anew. */
export function rewrap(from: SealingKey, to: SealingKey, place: SealedPlace, sealed: SealedValue): SealedValue {
  const dataKey = unwrapDataKey(from, place, sealed);
  const rewrapped = { ...sealed, ...wrap(to, place, dataKey) };
  dataKey.fill(0);
  return rewrapped;
}

function wrap(key: SealingKey, place: SealedPlace, dataKey: Buffer) {
  const { nonce, ciphertext, tag } = encrypt(key.wrappingKey(), dataKey, wrapContext(key.id, place));
  return { keyId: key.id, wrapNonce: nonce, wrappedKey: ciphertext, wrapTag: tag };
}

function unwrapDataKey(key: SealingKey, place: SealedPlace, sealed: SealedValue): Buffer {
  if (sealed.keyId !== key.id)
    throw new DomainError('key_missing', 'refused', `${nameOf(place)} was sealed with another key than ${key.id}.`, {
      remedy: `Put the backup of the key file with the id that the database names back in its place.`,
    });
  if (sealed.algorithm !== ALGORITHM) throw damaged(place);
  const dataKey = open(place, () =>
    decrypt(
      key.wrappingKey(),
      { nonce: sealed.wrapNonce, ciphertext: sealed.wrappedKey, tag: sealed.wrapTag },
      wrapContext(key.id, place),
    ),
  );
  if (dataKey.length !== DATA_KEY_BYTES) throw damaged(place);
  return dataKey;
}

/** Associated data: a JSON list, in which no two different lists look the same. */
const bodyContext = (place: SealedPlace): Buffer =>
  Buffer.from(JSON.stringify(['dsops', ALGORITHM, 'value', ...idsOf(place)]));
const wrapContext = (keyId: string, place: SealedPlace): Buffer =>
  Buffer.from(JSON.stringify(['dsops', ALGORITHM, 'key', keyId, ...idsOf(place)]));

const idsOf = (place: SealedPlace): string[] =>
  place.kind === 'version'
    ? [place.kind, place.credentialId, place.versionId, place.slot]
    : [place.kind, place.serviceId, place.username];

interface Encrypted {
  readonly nonce: Bytes;
  readonly ciphertext: Bytes;
  readonly tag: Bytes;
}

function encrypt(key: KeyObject, plain: Buffer, context: Buffer): Encrypted {
  const nonce = Uint8Array.from(randomBytes(NONCE_BYTES));
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(context);
  const ciphertext = Uint8Array.from(Buffer.concat([cipher.update(plain), cipher.final()]));
  return { nonce, ciphertext, tag: Uint8Array.from(cipher.getAuthTag()) };
}

/** @throws whatever OpenSSL says when tag, nonce, text or context are not what they were. */
function decrypt(key: KeyObject, { nonce, ciphertext, tag }: Encrypted, context: Buffer): Buffer {
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(context);
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

function open<T>(place: SealedPlace, attempt: () => T): T {
  try {
    return attempt();
  } catch {
    throw damaged(place);
  }
}

const nameOf = (place: SealedPlace): string =>
  place.kind === 'version'
    ? `The sealed value of version ${place.versionId}`
    : `The sealed admin password of service ${place.serviceId}`;

const damaged = (place: SealedPlace): DomainError =>
  new DomainError('sealed_value_damaged', 'internal', `${nameOf(place)} is damaged: it does not open.`, {
    remedy: 'Restore the database from a backup in which it is whole.',
  });
