import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { DomainError, Secret, unwrapSecret } from '@dsops/kernel';

export interface ServiceKeyParts {
  /** Such as `rotation`. */
  readonly service: string;
  /** The id of the master key that it is derived from. */
  readonly masterId: string;
  /** 256 bits each. */
  readonly wrapping: Uint8Array;
  readonly fingerprint: Uint8Array;
}

const FORMAT = 'dsops-service-key';
const VERSION = '1';
const BYTES = 32;

/**
 * What one service seals with, derived from the master key for this service alone: whoever has it can open what the
 * service has sealed, and nothing else.
 *
 * As text, for a process of its own: `dsops-service-key.1.<service>.<master id>.<wrapping>.<fingerprint>.<check>`, the
 * keys in base64url, the check 16 hexadecimal digits by which a damaged copy is found out.
 */
export class ServiceKey {
  readonly service: string;
  /** Of the master key that it is derived from. It stands beside each sealed value. */
  readonly id: string;
  readonly #wrapping: KeyObject;
  readonly #fingerprint: KeyObject;

  constructor({ service, masterId, wrapping, fingerprint }: ServiceKeyParts) {
    this.service = service;
    this.id = masterId;
    this.#wrapping = createSecretKey(wrapping);
    this.#fingerprint = createSecretKey(fingerprint);
  }

  /** @throws DomainError `service_key_damaged`, `service_key_foreign` when it is the key of another service */
  static read(text: Secret, service: string): ServiceKey {
    const [format, version, of, masterId, wrapping, fingerprint, check, ...rest] = unwrapSecret(text).trim().split('.');
    if (format !== FORMAT || version !== VERSION || !of || !masterId || rest.length > 0) throw damaged(service);
    const bytes = [wrapping, fingerprint].map((part) => Buffer.from(part ?? '', 'base64url'));
    const [wrappingBytes, fingerprintBytes] = bytes;
    if (!wrappingBytes || !fingerprintBytes || bytes.some(({ length }) => length !== BYTES)) throw damaged(service);
    const key = new ServiceKey({ service: of, masterId, wrapping: wrappingBytes, fingerprint: fingerprintBytes });
    for (const part of bytes) part.fill(0);
    if (check !== key.#check()) throw damaged(service);
    if (of !== service) throw foreign(of, service);
    return key;
  }

  /** The text of it, which {@link read} reads. Only the service itself may get it. */
  write(): Secret {
    return new Secret(`${this.#body()}.${this.#check()}`);
  }

  /** The 256-bit key that wraps the service's data keys. */
  wrappingKey(): KeyObject {
    return this.#wrapping;
  }

  /**
   * A fingerprint that only this service can compute: for comparing values, or requests that hold them, without keeping
   * anything that could be guessed from.
   */
  fingerprint(text: string): string {
    return createHmac('sha256', this.#fingerprint).update(text).digest('base64url');
  }

  #body(): string {
    const parts = [this.#wrapping, this.#fingerprint].map((part) => part.export().toString('base64url'));
    return [FORMAT, VERSION, this.service, this.id, ...parts].join('.');
  }

  #check(): string {
    return createHmac('sha256', this.#wrapping).update(this.#body()).digest('hex').slice(0, 16);
  }
}

const damaged = (service: string) =>
  new DomainError('service_key_damaged', 'refused', `The service key of ${service} is damaged, or is no service key.`, {
    remedy: 'Let the setup program write it again from the master key. Nothing was changed.',
  });

const foreign = (of: string, service: string) =>
  new DomainError('service_key_foreign', 'refused', `The service key is that of ${of}, and this is ${service}.`, {
    remedy: 'Give each service the key that the setup program wrote for it. Nothing was changed.',
  });
