import { createDecipheriv, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A row of `sealed_values` together with what its associated data is made of. */
export interface SealedRow {
  readonly versionId: string;
  readonly credentialId: string;
  readonly slot: string;
  readonly keyId: string;
  readonly algorithm: string;
  readonly wrapNonce: Buffer;
  readonly wrappedKey: Buffer;
  readonly wrapTag: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/**
 * Opens sealed values from nothing but the rows and the key file, without a line of the product: what it can open is
 * durably known, whatever becomes of the processes.
 */
export class SealedReader {
  private readonly keyId: string;
  private readonly wrappingKey: Buffer;

  constructor(keyFile: string) {
    const { id, key } = JSON.parse(readFileSync(keyFile, 'utf8')) as { id: string; key: string };
    this.keyId = id;
    const root = Buffer.from(key, 'base64url');
    this.wrappingKey = Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), 'dsops 1 wrap data keys', 32));
  }

  /** @returns null when the row does not open: then nobody knows the value. */
  open(row: SealedRow): string | null {
    const place = ['version', row.credentialId, row.versionId, row.slot];
    const context = (...parts: string[]) => Buffer.from(JSON.stringify(['dsops', row.algorithm, ...parts, ...place]));
    try {
      const { wrapNonce, wrappedKey, wrapTag, nonce, ciphertext, tag } = row;
      const dataKey = decrypt(this.wrappingKey, wrapNonce, wrappedKey, wrapTag, context('key', this.keyId));
      return decrypt(dataKey, nonce, ciphertext, tag, context('value')).toString('utf8');
    } catch {
      return null;
    }
  }
}

function decrypt(key: Buffer, nonce: Buffer, ciphertext: Buffer, tag: Buffer, context: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(context);
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}
