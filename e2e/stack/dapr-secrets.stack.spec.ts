import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readServiceConfig } from '@dsops/service';
import { unwrapSecret } from '@dsops/kernel';
import { ensureTools, freePort, startDaprd, startServer, type DaprdServer, type DaprdOptions } from '@dsops/stack';
import { createTestDatabase, eventually } from '@dsops/testing';
import { API_TOKEN, APP_TOKEN, writeSidecarFiles } from './sidecar-files.js';

const AUDIT = fileURLToPath(new URL('../../apps/audit/dist/main.js', import.meta.url));

/** Several entries under a key, as Kubernetes keeps them, and no scopes: everything in it may be read. */
const FILE_STORE = (file: string) => `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: { name: files }
spec:
  type: secretstores.local.file
  version: v1
  metadata:
    - { name: secretsFile, value: ${JSON.stringify(file)} }
    - { name: multiValued, value: 'true' }
`;

/** The store of environment variables is the one of `dapr/`, under the scopes that `dapr/` gives the audit service. */
describe('secrets through daprd', () => {
  let folder: string;
  let options: Omit<DaprdOptions, 'env' | 'logFile'>;
  let daprd: DaprdServer;

  beforeAll(async () => {
    const tools = await ensureTools(['dapr']);
    folder = await mkdtemp(join(tmpdir(), 'dsops-stack-'));
    const { resourcesPath, configPathOf } = await writeSidecarFiles(folder, {});
    const secretsFile = join(folder, 'secrets.json');
    await writeFile(
      secretsFile,
      JSON.stringify({ 'app-secrets': { 'audit-password': 'from the file' }, 'path/of/one': 'deep' }),
    );
    await writeFile(join(resourcesPath, 'files.yaml'), FILE_STORE(secretsFile));
    const tokens = { apiToken: API_TOKEN, appToken: APP_TOKEN };
    options = { tools, appId: 'audit', ...tokens, resourcesPath, configPath: configPathOf('audit') };
    daprd = await startDaprd({
      ...options,
      // Nobody listens there yet: the service reads its secrets before it does.
      appPort: await freePort(),
      logFile: join(folder, 'audit.log'),
      env: {
        'DSOPS_SECRET_database-password-audit': 'from the environment',
        'DSOPS_SECRET_database-password-rotation': 'of another service',
      },
    });
  }, 900_000);

  afterAll(async () => {
    await daprd?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const read = (from: string, apiToken = unwrapSecret(API_TOKEN)) =>
    readServiceConfig(
      {
        DSOPS_DATABASE_PASSWORD_FROM: from,
        DAPR_HTTP_PORT: String(daprd.httpPort),
        DAPR_API_TOKEN: apiToken,
        APP_API_TOKEN: unwrapSecret(APP_TOKEN),
      },
      {},
    );

  it.each([
    ['the environment of the sidecar', 'secrets/database-password-audit', 'from the environment'],
    ['an entry among others in a file', 'files/app-secrets#audit-password', 'from the file'],
    ['a key with slashes', 'files/path/of/one', 'deep'],
  ])('come from %s', async (_, from, value) => {
    expect(unwrapSecret((await read(from)).database.password)).toBe(value);
  });

  it.each([
    [
      'of another service',
      'secrets/database-password-rotation',
      "names a secret that the scopes in the sidecar's Configuration deny",
    ],
    [
      'that only components need',
      'secrets/kafka-password',
      "names a secret that the scopes in the sidecar's Configuration deny",
    ],
    ['of a store that is not there', 'vault/password', 'names a secret store that the sidecar does not have'],
    ['that the store does not know', 'files/unknown', 'cannot be read: the store says no (500 ERR_SECRET_GET'],
    ['whose entry is not there', 'files/app-secrets', 'names a secret that has no such entry (it has 1'],
  ])('are not had when they are one %s', async (_, from, says) => {
    await expect(read(from)).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining(`DSOPS_DATABASE_PASSWORD_FROM ${says}`),
    });
  });

  it('are not given to who has another token', async () => {
    await expect(read('secrets/database-password-audit', 'another')).rejects.toMatchObject({
      message: expect.stringContaining('the sidecar refuses DAPR_API_TOKEN'),
    });
  });

  it('let a service into its database that was started before its sidecar', async () => {
    const database = await createTestDatabase();
    const [appPort, httpPort] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${appPort}`;
    const { host, port, database: name, password } = database.options;
    const starting = startServer({
      name: 'audit',
      command: process.execPath,
      args: [AUDIT],
      env: {
        DSOPS_PORT: String(appPort),
        DSOPS_DATABASE_HOST: host,
        DSOPS_DATABASE_PORT: String(port),
        DSOPS_DATABASE_NAME: name,
        DSOPS_DATABASE_PASSWORD_FROM: 'secrets/database-password-audit',
        DAPR_HTTP_PORT: String(httpPort),
        DAPR_API_TOKEN: unwrapSecret(API_TOKEN),
        APP_API_TOKEN: unwrapSecret(APP_TOKEN),
      },
      logFile: join(folder, 'service.log'),
      isReady: () =>
        fetch(`${url}/health/live`).then(
          ({ ok }) => ok,
          () => false,
        ),
    });
    const log = () => readFile(join(folder, 'service.log'), 'utf8');
    try {
      await eventually(async () => expect(await log()).toContain('the sidecar does not answer yet'), 30_000);
      const env = { 'DSOPS_SECRET_database-password-audit': unwrapSecret(password) };
      const sidecar = await startDaprd({ ...options, appPort, httpPort, env, logFile: join(folder, 'late.log') });
      try {
        await starting;
        expect(await log()).not.toContain(unwrapSecret(password));
      } finally {
        await sidecar.stop();
      }
    } finally {
      await starting.then((server) => server.stop()).catch(() => undefined);
      await database.drop();
    }
  });
});
