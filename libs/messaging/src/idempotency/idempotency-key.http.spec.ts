import { describe, expect, it } from '@jest/globals';
import { readIdempotencyKey } from './idempotency-key.http.js';

describe('an Idempotency-Key', () => {
  it.each([['x'], ['01JD0000000000000000000001'], ['~'.repeat(255)]])('may be %s', (key) => {
    expect(readIdempotencyKey(key)).toBe(key);
  });

  it.each([
    [undefined, 'idempotency_key_missing'],
    ['', 'idempotency_key_missing'],
    ['a b', 'idempotency_key_invalid'],
    ['é', 'idempotency_key_invalid'],
    ['a'.repeat(256), 'idempotency_key_invalid'],
  ])('may not be %j', (key, code) => {
    expect(() => readIdempotencyKey(key)).toThrow(expect.objectContaining({ code, kind: 'invalid' }));
  });
});
