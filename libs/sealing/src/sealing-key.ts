import { createHmac, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { Secret } from '@dsops/kernel';

export const KEY_BYTES = 32;
export const newKeyBytes = (): Buffer => randomBytes(KEY_BYTES);

/**
 * The key of an installation: 32 random bytes from which everything is derived with HKDF-SHA-256 (RFC 5869), a label
 * per purpose, so that no two uses share a key. The bytes stay in a KeyObject, which shows nothing when it is inspected.
 */
export class SealingKey {
  /** Names the key without telling anything about it: 16 hexadecimal digits, computed from the key. */
  readonly id: string;
  readonly #root: KeyObject;

  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) throw new TypeError(`A sealing key has ${KEY_BYTES} bytes.`);
    this.#root = createSecretKey(bytes);
    this.id = createHmac('sha256', this.#root).update('dsops key id').digest('hex').slice(0, 16);
  }

  /**
   * A password of 43 characters (base64url) for a purpose such as `database role dsops_audit`: always the same from the
   * same key, so that it needs to be stored nowhere.
   */
  derive(purpose: string): Secret {
    return new Secret(this.#expand(`password: ${purpose}`).toString('base64url'));
  }

  /** The 256-bit key that wraps data keys. */
  wrappingKey(): KeyObject {
    return createSecretKey(this.#expand('wrap data keys'));
  }

  /**
   * A fingerprint that only this installation can compute: for comparing values, or requests that hold them, without
   * keeping anything that could be guessed from.
   */
  fingerprint(text: string): string {
    return createHmac('sha256', this.#expand('fingerprint')).update(text).digest('base64url');
  }

  #expand(label: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#root, Buffer.alloc(0), `dsops 1 ${label}`, KEY_BYTES));
  }
}
