import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inspect } from 'node:util';
import { isDomainError, Secret, unwrapSecret } from '@dsops/kernel';
import { rewrap, seal, unseal, type SealedPlace, type SealedValue } from './sealing.js';
import { newKeyBytes, SealingKey } from './sealing-key.js';

const key = new SealingKey(newKeyBytes());
const value = fc.string({ unit: 'grapheme', maxLength: 200 });
const id = fc.string({ minLength: 1, maxLength: 30 });
const place: fc.Arbitrary<SealedPlace> = fc.oneof(
  fc.record({ kind: fc.constant('version' as const), credentialId: id, versionId: id, slot: id }),
  fc.record({ kind: fc.constant('admin' as const), serviceId: id, username: id }),
);
const BYTE_FIELDS = ['wrapNonce', 'wrappedKey', 'wrapTag', 'nonce', 'ciphertext', 'tag'] as const;

const codeOf = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (error) {
    return isDomainError(error) ? error.code : 'another error';
  }
  return 'no error';
};

describe('sealing', () => {
  it('gives back what was sealed, in its own place', () => {
    fc.assert(
      fc.property(place, value, (where, text) => {
        expect(unwrapSecret(unseal(key, where, seal(key, where, new Secret(text))))).toBe(text);
      }),
    );
  });

  it('opens a value in no other place', () => {
    fc.assert(
      fc.property(place, place, value, (where, elsewhere, text) => {
        fc.pre(JSON.stringify(where) !== JSON.stringify(elsewhere));
        expect(codeOf(() => unseal(key, elsewhere, seal(key, where, new Secret(text))))).toBe('sealed_value_damaged');
      }),
    );
  });

  it('refuses a value of which one bit of any field has changed', () => {
    fc.assert(
      fc.property(place, value, fc.constantFrom(...BYTE_FIELDS), fc.nat(), fc.nat(7), (where, text, field, at, bit) => {
        const sealed = seal(key, where, new Secret(text));
        fc.pre(sealed[field].length > 0);
        const bytes = Uint8Array.from(sealed[field]);
        bytes[at % bytes.length]! ^= 1 << bit;
        expect(codeOf(() => unseal(key, where, { ...sealed, [field]: bytes }))).toBe('sealed_value_damaged');
      }),
    );
  });

  it('refuses a value of which a field was cut off or grew', () => {
    fc.assert(
      fc.property(place, fc.constantFrom(...BYTE_FIELDS), fc.nat(40), (where, field, length) => {
        const sealed = seal(key, where, new Secret('twelve bytes'));
        fc.pre(length !== sealed[field].length);
        const other = new Uint8Array(length);
        other.set(sealed[field].slice(0, length));
        expect(codeOf(() => unseal(key, where, { ...sealed, [field]: other }))).toBe('sealed_value_damaged');
      }),
    );
  });

  it('refuses parts that are put together from two values of the same place', () => {
    const where: SealedPlace = { kind: 'version', credentialId: 'c', versionId: 'v', slot: 's' };
    const one = seal(key, where, new Secret('one'));
    const two = seal(key, where, new Secret('two'));
    for (const field of BYTE_FIELDS)
      expect(codeOf(() => unseal(key, where, { ...one, [field]: two[field] }))).toBe('sealed_value_damaged');
  });

  it('refuses another algorithm, and names the key when another one is needed', () => {
    const where: SealedPlace = { kind: 'version', credentialId: 'c', versionId: 'v', slot: 's' };
    const sealed = seal(key, where, new Secret('x'));
    expect(codeOf(() => unseal(key, where, { ...sealed, algorithm: 'none' }))).toBe('sealed_value_damaged');
    expect(codeOf(() => unseal(new SealingKey(newKeyBytes()), where, sealed))).toBe('key_missing');
  });

  it('never seals the same way twice', () => {
    const where: SealedPlace = { kind: 'version', credentialId: 'c', versionId: 'v', slot: 's' };
    const seen = new Set<string>();
    const text = (sealed: SealedValue) => BYTE_FIELDS.map((field) => Buffer.from(sealed[field]).toString('hex'));
    for (let i = 0; i < 200; i++) for (const bytes of text(seal(key, where, new Secret('same')))) seen.add(bytes);
    expect(seen.size).toBe(200 * BYTE_FIELDS.length);
  });

  it('wraps the data key anew and leaves the value as it is', () => {
    fc.assert(
      fc.property(place, value, (where, text) => {
        const next = new SealingKey(newKeyBytes());
        const before = seal(key, where, new Secret(text));
        const after = rewrap(key, next, where, before);
        expect(after.ciphertext).toEqual(before.ciphertext);
        expect(after.keyId).toBe(next.id);
        expect(unwrapSecret(unseal(next, where, after))).toBe(text);
        expect(codeOf(() => unseal(key, where, after))).toBe('key_missing');
      }),
    );
  });

  it('refuses half a character, which would not come back', () => {
    const where: SealedPlace = { kind: 'admin', serviceId: 's', username: 'u' };
    expect(codeOf(() => seal(key, where, new Secret('\ud800')))).toBe('value_not_text');
  });
});

describe('the sealing key', () => {
  it('derives the same password for a purpose, and another one for each other purpose and key', () => {
    const bytes = newKeyBytes();
    const [one, same, other] = [new SealingKey(bytes), new SealingKey(bytes), new SealingKey(newKeyBytes())];
    const show = (from: SealingKey, purpose: string) => unwrapSecret(from.derive(purpose));
    expect(show(one, 'a')).toBe(show(same, 'a'));
    expect(show(one, 'a')).toMatch(/^[\w-]{43}$/);
    expect(new Set([show(one, 'a'), show(one, 'b'), show(other, 'a'), one.fingerprint('a')]).size).toBe(4);
  });

  it('shows nothing of itself', () => {
    const bytes = newKeyBytes();
    const shown =
      inspect(new SealingKey(bytes), { depth: 9, showHidden: true }) + JSON.stringify(new SealingKey(bytes));
    for (const form of ['hex', 'base64', 'base64url'] as const) expect(shown).not.toContain(bytes.toString(form));
  });
});
