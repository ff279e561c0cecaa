import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inspect } from 'node:util';
import { isDomainError, Secret, unwrapSecret } from '@dsops/kernel';
import { MasterKey, newKeyBytes } from './master-key.js';
import { DATABASE_SUPERUSER, databaseRole } from './purposes.js';
import { rewrap, Sealer, type SealedPlace, type SealedValue } from './sealing.js';
import { ServiceKey } from './service-key.js';

const master = new MasterKey(newKeyBytes());
const key = master.serviceKey('rotation');
const sealer = new Sealer(key);
const value = fc.string({ unit: 'grapheme', maxLength: 200 });
const id = fc.string({ minLength: 1, maxLength: 30 });
const place: fc.Arbitrary<SealedPlace> = fc.record({
  purpose: fc.constantFrom('version', 'admin', 'webhook'),
  ids: fc.array(id, { minLength: 1, maxLength: 3 }),
});
const aPlace: SealedPlace = { purpose: 'version', ids: ['c', 'v', 's'] };
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
        expect(unwrapSecret(sealer.unseal(where, sealer.seal(where, new Secret(text))))).toBe(text);
      }),
    );
  });

  it('opens a value in no other place', () => {
    fc.assert(
      fc.property(place, place, value, (where, elsewhere, text) => {
        fc.pre(JSON.stringify(where) !== JSON.stringify(elsewhere));
        expect(codeOf(() => sealer.unseal(elsewhere, sealer.seal(where, new Secret(text))))).toBe(
          'sealed_value_damaged',
        );
      }),
    );
  });

  it('refuses a value of which one bit of any field has changed', () => {
    fc.assert(
      fc.property(place, value, fc.constantFrom(...BYTE_FIELDS), fc.nat(), fc.nat(7), (where, text, field, at, bit) => {
        const sealed = sealer.seal(where, new Secret(text));
        fc.pre(sealed[field].length > 0);
        const bytes = Uint8Array.from(sealed[field]);
        bytes[at % bytes.length]! ^= 1 << bit;
        expect(codeOf(() => sealer.unseal(where, { ...sealed, [field]: bytes }))).toBe('sealed_value_damaged');
      }),
    );
  });

  it('refuses a value of which a field was cut off or grew', () => {
    fc.assert(
      fc.property(place, fc.constantFrom(...BYTE_FIELDS), fc.nat(40), (where, field, length) => {
        const sealed = sealer.seal(where, new Secret('twelve bytes'));
        fc.pre(length !== sealed[field].length);
        const other = new Uint8Array(length);
        other.set(sealed[field].slice(0, length));
        expect(codeOf(() => sealer.unseal(where, { ...sealed, [field]: other }))).toBe('sealed_value_damaged');
      }),
    );
  });

  it('refuses parts that are put together from two values of the same place', () => {
    const one = sealer.seal(aPlace, new Secret('one'));
    const two = sealer.seal(aPlace, new Secret('two'));
    for (const field of BYTE_FIELDS)
      expect(codeOf(() => sealer.unseal(aPlace, { ...one, [field]: two[field] }))).toBe('sealed_value_damaged');
  });

  it('refuses another algorithm, and names the key when another one is needed', () => {
    const sealed = sealer.seal(aPlace, new Secret('x'));
    expect(codeOf(() => sealer.unseal(aPlace, { ...sealed, algorithm: 'none' }))).toBe('sealed_value_damaged');
    expect(codeOf(() => new Sealer(new MasterKey(newKeyBytes()).serviceKey('rotation')).unseal(aPlace, sealed))).toBe(
      'key_missing',
    );
  });

  it('never seals the same way twice', () => {
    const seen = new Set<string>();
    const text = (sealed: SealedValue) => BYTE_FIELDS.map((field) => Buffer.from(sealed[field]).toString('hex'));
    for (let i = 0; i < 200; i++) for (const bytes of text(sealer.seal(aPlace, new Secret('same')))) seen.add(bytes);
    expect(seen.size).toBe(200 * BYTE_FIELDS.length);
  });

  it('wraps the data key anew and leaves the value as it is', () => {
    fc.assert(
      fc.property(place, value, (where, text) => {
        const next = new MasterKey(newKeyBytes()).serviceKey('rotation');
        const before = sealer.seal(where, new Secret(text));
        const after = rewrap(key, next, where, before);
        expect(after.ciphertext).toEqual(before.ciphertext);
        expect(after.keyId).toBe(next.id);
        expect(unwrapSecret(new Sealer(next).unseal(where, after))).toBe(text);
        expect(codeOf(() => sealer.unseal(where, after))).toBe('key_missing');
      }),
    );
  });

  it('refuses half a character, which would not come back', () => {
    expect(codeOf(() => sealer.seal(aPlace, new Secret('\ud800')))).toBe('value_not_text');
  });
});

describe('the key of a service', () => {
  it.each([
    ['rotation', 'notification'],
    ['notification', 'rotation'],
    ['notification', 'audit'],
  ])('of %s seals what that of %s cannot open', (one, other) => {
    const sealed = new Sealer(master.serviceKey(one)).seal(aPlace, new Secret('https://hooks.example.com/T0/B0/x'));
    expect(codeOf(() => new Sealer(master.serviceKey(other)).unseal(aPlace, sealed))).toBe('sealed_value_damaged');
    expect(unwrapSecret(new Sealer(master.serviceKey(one)).unseal(aPlace, sealed))).toMatch(/^https/);
  });

  it('is bound to its service even where its bytes are the same', () => {
    const bytes = { masterId: master.id, wrapping: newKeyBytes(), fingerprint: newKeyBytes() };
    const sealed = new Sealer(new ServiceKey({ ...bytes, service: 'notification' })).seal(aPlace, new Secret('x'));
    const another = new Sealer(new ServiceKey({ ...bytes, service: 'audit' }));
    expect(codeOf(() => another.unseal(aPlace, sealed))).toBe('sealed_value_damaged');
  });

  it('is the same after it was written and read', () => {
    const written = master.serviceKey('notification').write();
    const read = ServiceKey.read(new Secret(`${unwrapSecret(written)}\n`), 'notification');
    expect(read.id).toBe(master.id);
    expect(read.fingerprint('a')).toBe(master.serviceKey('notification').fingerprint('a'));
    const sealed = new Sealer(master.serviceKey('notification')).seal(aPlace, new Secret('x'));
    expect(unwrapSecret(new Sealer(read).unseal(aPlace, sealed))).toBe('x');
  });

  it('is refused by another service, and when a character of it has changed or is gone', () => {
    const text = unwrapSecret(master.serviceKey('notification').write());
    expect(codeOf(() => ServiceKey.read(new Secret(text), 'rotation'))).toBe('service_key_foreign');
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('', 'A', 'z', '.'), (at, instead) => {
        fc.pre(text[at] !== instead);
        const broken = new Secret(text.slice(0, at) + instead + text.slice(at + 1));
        expect(codeOf(() => ServiceKey.read(broken, 'notification'))).toBe('service_key_damaged');
      }),
    );
    expect(codeOf(() => ServiceKey.read(new Secret(''), 'notification'))).toBe('service_key_damaged');
  });

  it('shows nothing of itself', () => {
    const wrapping = newKeyBytes();
    const shown = new ServiceKey({ service: 'audit', masterId: master.id, wrapping, fingerprint: newKeyBytes() });
    const text = inspect(new Sealer(shown), { depth: 9, showHidden: true }) + JSON.stringify(new Sealer(shown));
    for (const form of ['hex', 'base64', 'base64url'] as const) expect(text).not.toContain(wrapping.toString(form));
  });
});

describe('the master key', () => {
  it('derives the same for a purpose, and another value for each other purpose and key', () => {
    const bytes = newKeyBytes();
    const [one, same, other] = [new MasterKey(bytes), new MasterKey(bytes), new MasterKey(newKeyBytes())];
    const show = (from: MasterKey, purpose: typeof DATABASE_SUPERUSER) => unwrapSecret(from.password(purpose));
    expect(show(one, DATABASE_SUPERUSER)).toBe(show(same, DATABASE_SUPERUSER));
    expect(show(one, DATABASE_SUPERUSER)).toMatch(/^[\w-]{43}$/);
    const all = [
      ...[one, other].flatMap((from) => [DATABASE_SUPERUSER, databaseRole('a')].map((purpose) => show(from, purpose))),
      ...[one, other].flatMap((from) => ['rotation', 'audit'].map((name) => from.serviceKey(name).fingerprint('a'))),
    ];
    expect(new Set(all).size).toBe(8);
  });

  it('shows nothing of itself', () => {
    const bytes = newKeyBytes();
    const shown = inspect(new MasterKey(bytes), { depth: 9, showHidden: true }) + JSON.stringify(new MasterKey(bytes));
    for (const form of ['hex', 'base64', 'base64url'] as const) expect(shown).not.toContain(bytes.toString(form));
  });
});
