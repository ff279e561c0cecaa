import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Secret, unwrapSecret } from './secret.js';

describe('Secret', () => {
  const secret = new Secret('canary-value');

  it('shows a mask wherever it could be printed', () => {
    const shown = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true, depth: 9 }),
    ];
    expect(shown.join()).not.toContain('canary-value');
    expect(Object.values(secret)).toEqual([]);
  });

  it('gives the value to who unwraps it', () => expect(unwrapSecret(secret)).toBe('canary-value'));
});
