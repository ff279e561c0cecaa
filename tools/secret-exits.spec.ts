import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Where a secret may become text again, and what for. Anything else is a leak until it stands here. */
const UNWRAPS = {
  'libs/sealing/src/sealing.ts': 'to be encrypted',
  'libs/sealing/src/service-key.ts': 'the key of a service, which its process is handed as text',
  'apps/rotation/src/check-out/check-out.http.ts': 'the exit: for whoever checks it out',
  'libs/drivers/src/': 'for the target itself, on the connection that needs it',
  'libs/database/src/': "logins of our own database's roles",
  'libs/broker/src/': 'the login at the broker',
  'libs/platform/src/dapr-sidecar.ts': 'the token that the sidecar asks for',
  'libs/messaging/src/internal-guard.http.ts': 'the token that callers inside must have',
  'libs/service/src/': 'the token that the sidecar sends',
  'apps/gateway/src/': 'keys that are shown once, and the token between services',
  'apps/notification/src/channels/': 'settings of a destination, for the medium itself',
  'apps/setup/src/': "the superuser's URL",
  'apps/cli/src/': 'what a person gave or asked for',
  'libs/api-client/src/': 'the key with which the API is asked',
  'stack/src/': 'the environment of the processes that it starts',
  'libs/kernel/src/secret.ts': 'where it is defined',
};

/** Files that only specs use. */
const isForSpecs = (path: string): boolean => /\.spec\.ts$|\.fixture\.ts$|[-.]conformance\.ts$|histories/.test(path);

const below = (folder: string): string[] =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => join(folder, name, 'src')) : [];
const sources = [...below('apps'), ...below('libs'), 'stack/src']
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }));

describe('secrets', () => {
  it('are unwrapped in the named places only', () => {
    const unwrapping = sources
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !isForSpecs(path) && /unwrapSecret\(/.test(readFileSync(path, 'utf8')))
      .map((path) => relative(root, path).split(sep).join('/'))
      .filter((path) => !Object.keys(UNWRAPS).some((place) => path.startsWith(place)));
    expect(unwrapping).toEqual([]);
  });
});
