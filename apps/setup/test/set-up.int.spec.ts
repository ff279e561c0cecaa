import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SEALING_SERVICES, SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { waitForDatabase, withClient } from '@dsops/database';
import { Secret, unwrapSecret } from '@dsops/kernel';
import { openKeyFile, Sealer, ServiceKey } from '@dsops/sealing';
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
    const keyOf = (service: ServiceName) => readFileSync(join(folder, 'services', service, 'service.key'), 'utf8');
    const serviceKeys = SEALING_SERVICES.map(keyOf);
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
    expect(SEALING_SERVICES.map(keyOf)).toEqual(serviceKeys);
  });

  it('hands each service that seals a key that opens what the service seals, and nothing else', async () => {
    const master = await openKeyFile({ path: keyFile, database: 'existing' });
    const place = { purpose: 'webhook', ids: ['one'] };
    expect(SEALING_SERVICES).toEqual(['notification', 'rotation']);
    expect(readdirSync(join(folder, 'services'))).toEqual(SEALING_SERVICES);
    for (const service of SEALING_SERVICES) {
      const path = join(folder, 'services', service, 'service.key');
      if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
      const handed = new Sealer(ServiceKey.read(new Secret(readFileSync(path, 'utf8')), service));
      expect(
        unwrapSecret(handed.unseal(place, new Sealer(master.serviceKey(service)).seal(place, new Secret('x')))),
      ).toBe('x');
      const [other] = SEALING_SERVICES.filter((name) => name !== service);
      const foreign = new Sealer(master.serviceKey(other!)).seal(place, new Secret('x'));
      expect(() => handed.unseal(place, foreign)).toThrow(expect.objectContaining({ code: 'sealed_value_damaged' }));
    }
  });

  it('writes a service key anew that is damaged, and brings the mark of an earlier release once', async () => {
    const [keyPath, markPath] = ['service.key', 'mark.json'].map((name) => join(folder, 'services', 'rotation', name));
    const before = readFileSync(keyPath!, 'utf8');
    writeFileSync(keyPath!, before.slice(0, 40));
    writeFileSync(join(folder, 'mark.json'), 'as it was');
    await setUp(readConfig(environment()));
    expect(readFileSync(keyPath!, 'utf8')).toBe(before);
    expect(readFileSync(markPath!, 'utf8')).toBe('as it was');
    writeFileSync(markPath!, 'further on');
    await setUp(readConfig(environment()));
    expect(readFileSync(markPath!, 'utf8')).toBe('further on');
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
