import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SERVICES } from '@dsops/contracts/service-names';
import { waitForDatabase, withClient } from '@dsops/database';
import { Secret } from '@dsops/kernel';
import { testServerUrl } from '@dsops/testing';
import { readConfig } from '../src/config.js';
import { setUp } from '../src/set-up.service.js';

describe('setting up an installation', () => {
  const database = `setup_${randomBytes(6).toString('hex')}`;
  const { hostname: host, port, password } = new URL(testServerUrl());
  let folder: string;
  let keyFile: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-setup-'));
    keyFile = join(folder, 'sealing.key');
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await withClient(testServerUrl(), (server) => server.query(`drop database if exists ${database} with (force)`));
  });

  // Roles belong to the whole server, which other specs use meanwhile: they keep their password.
  const environment = () => ({
    DSOPS_DATABASE_HOST: host,
    DSOPS_DATABASE_PORT: port,
    DSOPS_DATABASE_NAME: database,
    DSOPS_DATABASE_ADMIN_PASSWORD: password,
    ...Object.fromEntries(SERVICES.map((service) => [`DSOPS_DATABASE_PASSWORD_${service.toUpperCase()}`, password])),
    DSOPS_KEY_FILE: keyFile,
  });

  it('makes key and database, and lets every service in; done again it changes nothing', async () => {
    expect(await setUp(readConfig(environment()))).toBeGreaterThan(SERVICES.length);
    const key = readFileSync(keyFile, 'utf8');
    for (const service of SERVICES) {
      const options = { host, port: Number(port), database, password: new Secret(password), poolSize: 2 };
      const neverWaits = {
        onWaiting: (reason: string) => expect(reason).toBeUndefined(),
        signal: new AbortController().signal,
      };
      await waitForDatabase(service, options, neverWaits);
    }
    expect(await setUp(readConfig(environment()))).toBe(0);
    expect(readFileSync(keyFile, 'utf8')).toBe(key);
  });

  it('makes no new key for a database that was sealed with another', async () => {
    rmSync(keyFile);
    await expect(setUp(readConfig(environment()))).rejects.toMatchObject({ code: 'key_missing' });
  });

  it('names everything that it was not told', () => {
    const variables = Object.keys(environment()).filter((name) => /PASSWORD|KEY/.test(name));
    for (const name of variables)
      expect(() => readConfig({})).toThrow(expect.objectContaining({ message: expect.stringContaining(name) }));
  });
});
