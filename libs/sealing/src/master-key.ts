import { createHmac, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { Secret } from '@dsops/kernel';
import { fingerprintKey, KEY_ID, wrappingKey, type PasswordPurpose } from './purposes.js';
import { ServiceKey } from './service-key.js';

export const KEY_BYTES = 32;
export const newKeyBytes = (): Buffer => randomBytes(KEY_BYTES);

/**
 * The key of an installation: 32 random bytes from which everything is derived with HKDF-SHA-256 (RFC 5869), under a
 * label for each purpose. No service holds it: each gets a {@link ServiceKey} of its own. The bytes stay in a KeyObject,
 * which shows nothing when it is inspected.
 */
export class MasterKey {
  /** Names the key without telling anything about it: 16 hexadecimal digits, computed from the key. */
  readonly id: string;
  readonly #root: KeyObject;

  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) throw new TypeError(`A master key has ${KEY_BYTES} bytes.`);
    this.#root = createSecretKey(bytes);
    this.id = createHmac('sha256', this.#root).update(KEY_ID).digest('hex').slice(0, 16);
  }

  /**
   * A password of 43 characters (base64url): always the same from the same key, so that it needs to be stored nowhere.
   * What there is one for stands in `purposes.ts`.
   */
  password(purpose: PasswordPurpose): Secret {
    return new Secret(this.#expand(purpose).toString('base64url'));
  }

  /** What a service seals with. It opens nothing of another service, and the master key cannot be computed from it. */
  serviceKey(service: string): ServiceKey {
    return new ServiceKey({
      service,
      masterId: this.id,
      wrapping: this.#expand(wrappingKey(service)),
      fingerprint: this.#expand(fingerprintKey(service)),
    });
  }

  #expand(label: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#root, Buffer.alloc(0), `dsops 1 ${label}`, KEY_BYTES));
  }
}
