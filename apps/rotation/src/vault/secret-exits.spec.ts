import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Where a secret may become text again, and what for. */
const UNWRAPS = {
  'vault/sealing.ts': 'to be encrypted',
  'vault/check-out.http.ts': 'the exit: for whoever checks it out',
  'target/': 'for the target itself, on the connection that needs it',
};

/** Files that only specs use. */
const isForSpecs = (path: string): boolean => /\.spec\.ts$|\.fixture\.ts$|-conformance\.ts$|histories/.test(path);

describe('secrets', () => {
  it('are unwrapped in the named places only', () => {
    const unwrapping = readdirSync(source, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !isForSpecs(path) && /unwrapSecret\(/.test(readFileSync(path, 'utf8')))
      .map((path) => relative(source, path).split(sep).join('/'))
      .filter((path) => !Object.keys(UNWRAPS).some((place) => path.startsWith(place)));
    expect(unwrapping).toEqual([]);
  });
});
