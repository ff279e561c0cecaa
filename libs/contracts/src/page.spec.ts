import { describe, expect, it } from '@jest/globals';
import { instantQuery } from './page.js';

describe('an instant in a query', () => {
  it.each(['0001-01-01T00:00:00Z', '2024-02-29T12:00:00.123Z', '9999-12-31T23:59:59Z'])('may be %s', (text) =>
    expect(instantQuery.parse(text)).toBe(text),
  );

  // PostgreSQL has no year 0: it would be an error of ours.
  it.each(['0000-01-01T00:00:00Z', '2023-02-29T12:00:00Z', 'yesterday', ''])('may not be "%s"', (text) =>
    expect(instantQuery.safeParse(text).success).toBe(false),
  );
});
