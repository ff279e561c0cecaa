import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomBytes,
  type CipherGCMTypes,
  type KeyObject,
} from 'node:crypto';
import { DomainError, Secret, unwrapSecret } from '@dsops/kernel';
import { sealedBy } from './purposes.js';
import type { ServiceKey } from './service-key.js';

/** Stored with each value, so that another algorithm can come beside it. */
export const ALGORITHM = 'AES-256-GCM';
const CIPHER: CipherGCMTypes = 'aes-256-gcm';
const DATA_KEY_BYTES = 32;
/** 96 bits, the length GCM is made for (NIST SP 800-38D §8.2); random, and each key but the wrapping key is used once. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed value belongs to, within its service: a value that is moved to another place does not open there. */
export interface SealedPlace {
  /** What kind of thing it is, such as `version`: a word of the service. */
  readonly purpose: string;
  /** Which one it is. Only what never changes; it is shown in errors. */
  readonly ids: readonly string[];
}

type Bytes = Uint8Array<ArrayBuffer>;

/** A value under a data key of its own, and that data key under its service's key. */
export interface SealedValue {
  /** The master key that the service's key came from. */
  readonly keyId: string;
  readonly algorithm: string;
  readonly wrapNonce: Bytes;
  readonly wrappedKey: Bytes;
  readonly wrapTag: Bytes;
  readonly nonce: Bytes;
  readonly ciphertext: Bytes;
  readonly tag: Bytes;
}

/** What one service seals and opens. */
export class Sealer {
  constructor(private readonly key: ServiceKey) {}

  /** Of the master key: what is sealed from now on names it. */
  get keyId(): string {
    return this.key.id;
  }

  /**
   * A value may be empty; it must be text that UTF-8 can carry.
   * @throws DomainError `value_not_text`
   */
  seal(place: SealedPlace, value: Secret): SealedValue {
    return seal(this.key, place, value);
  }

  /**
   * The value, if every byte of it and its place are what was sealed.
   * @throws DomainError `sealed_value_damaged`, or `key_missing` when another master key sealed it.
   */
  unseal(place: SealedPlace, sealed: SealedValue): Secret {
    return unseal(this.key, place, sealed);
  }

  /** Compares values without keeping them: see {@link ServiceKey.fingerprint}. */
  fingerprint(text: string): string {
    return this.key.fingerprint(text);
  }
}

/** Envelope encryption. */
function seal(key: ServiceKey, place: SealedPlace, value: Secret): SealedValue {
  const text = unwrapSecret(value);
  if (!text.isWellFormed())
    throw new DomainError('value_not_text', 'invalid', 'The value holds half a character and could not be kept.', {
      remedy: 'Use a value that is valid Unicode text.',
    });
  const dataKey = randomBytes(DATA_KEY_BYTES);
  const body = encrypt(createSecretKey(dataKey), Buffer.from(text, 'utf8'), bodyContext(key, place));
  const sealed = { ...wrap(key, place, dataKey), algorithm: ALGORITHM, ...body };
  dataKey.fill(0);
  return sealed;
}

function unseal(key: ServiceKey, place: SealedPlace, sealed: SealedValue): Secret {
  const dataKey = unwrapDataKey(key, place, sealed);
  const text = open(place, () => decrypt(createSecretKey(dataKey), sealed, bodyContext(key, place)));
  dataKey.fill(0);
  return new Secret(text.toString('utf8'));
}

/** The same sealed value under another key. The value itself stays encrypted as it is; only its data key is wrapped anew. */
export function rewrap(from: ServiceKey, to: ServiceKey, place: SealedPlace, sealed: SealedValue): SealedValue {
  const dataKey = unwrapDataKey(from, place, sealed);
  const rewrapped = { ...sealed, ...wrap(to, place, dataKey) };
  dataKey.fill(0);
  return rewrapped;
}

function wrap(key: ServiceKey, place: SealedPlace, dataKey: Buffer) {
  const { nonce, ciphertext, tag } = encrypt(key.wrappingKey(), dataKey, wrapContext(key, place));
  return { keyId: key.id, wrapNonce: nonce, wrappedKey: ciphertext, wrapTag: tag };
}

function unwrapDataKey(key: ServiceKey, place: SealedPlace, sealed: SealedValue): Buffer {
  if (sealed.keyId !== key.id)
    throw new DomainError('key_missing', 'refused', `${nameOf(place)} was sealed with another key than ${key.id}.`, {
      remedy: `Put the backup of the key file with the id that the database names back in its place.`,
    });
  if (sealed.algorithm !== ALGORITHM) throw damaged(place);
  const dataKey = open(place, () =>
    decrypt(
      key.wrappingKey(),
      { nonce: sealed.wrapNonce, ciphertext: sealed.wrappedKey, tag: sealed.wrapTag },
      wrapContext(key, place),
    ),
  );
  if (dataKey.length !== DATA_KEY_BYTES) throw damaged(place);
  return dataKey;
}

/** Associated data: a JSON list, in which no two different lists look the same. It never changes. */
const bodyContext = ({ service }: ServiceKey, { purpose, ids }: SealedPlace): Buffer =>
  Buffer.from(JSON.stringify(['dsops', ALGORITHM, 'value', ...sealedBy(service), purpose, ...ids]));
const wrapContext = ({ service, id }: ServiceKey, { purpose, ids }: SealedPlace): Buffer =>
  Buffer.from(JSON.stringify(['dsops', ALGORITHM, 'key', id, ...sealedBy(service), purpose, ...ids]));

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

const nameOf = ({ purpose, ids }: SealedPlace): string => `The sealed value of ${purpose} ${ids.join(' / ')}`;

const damaged = (place: SealedPlace): DomainError =>
  new DomainError('sealed_value_damaged', 'internal', `${nameOf(place)} is damaged: it does not open.`, {
    remedy: 'Restore the database from a backup in which it is whole.',
  });
