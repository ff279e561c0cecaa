import { describe, expect, it } from '@jest/globals';
import { newId, Secret, unwrapSecret } from '@dsops/kernel';
import { isSecretOf, makeKey, orNoKey, readKey } from './api-key.js';

describe('an API key', () => {
  const id = newId();
  const { value, hash } = makeKey(id);

  it('carries the id that finds it and a secret that proves it', () => {
    const stated = readKey(value);
    expect(stated?.id).toBe(id);
    expect(isSecretOf(stated!.secret, hash)).toBe(true);
  });

  it('is kept as a hash that holds nothing of it', () => {
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(unwrapSecret(value)).not.toContain(hash.slice(0, 12));
    expect(makeKey(id).hash).not.toBe(hash);
  });

  it('is refused with the secret of another one', () =>
    expect(isSecretOf(readKey(makeKey(id).value)!.secret, hash)).toBe(false));

  it.each([
    '',
    'dsops_',
    'hello',
    `dsops_${id}_short`,
    `dsops_${id.toLowerCase()}_${'a'.repeat(43)}`,
    `x${unwrapSecret(value)}`,
  ])('does not look like %j', (text) => expect(readKey(new Secret(text))).toBeUndefined());

  it('is not there when nothing was found, though a comparison is made', () =>
    expect(isSecretOf(orNoKey(undefined).secret, undefined)).toBe(false));
});
