import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { unwrapSecret, type DomainError } from '@dsops/kernel';
import { MasterKey, newKeyBytes } from '@dsops/sealing';
import { readServiceConfig, serviceKeyConfig, type Environment } from './config.js';

const COMPLETE = { DSOPS_DATABASE_PASSWORD: 'pass', DAPR_API_TOKEN: 'ours', APP_API_TOKEN: 'theirs' };

const refusalOf = async (environment: Environment, extra: z.ZodRawShape = {}): Promise<string> => {
  try {
    await readServiceConfig(environment, extra);
  } catch (error) {
    expect(error).toMatchObject({ code: 'configuration_invalid' });
    return (error as DomainError).message;
  }
  throw new Error('It was taken.');
};

const documented = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

describe("a service's environment", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('needs the secrets only; the rest is the way it is beside a sidecar', async () => {
    const config = await readServiceConfig(COMPLETE, {});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      database: { host: '127.0.0.1', port: 5432, database: 'dsops', poolSize: 10 },
      sidecar: { sidecarUrl: 'http://127.0.0.1:3500' },
      topicPrefix: '',
      logLevel: 'info',
      telemetry: { traceShare: 1 },
    });
    expect([config.database.password, config.sidecar.apiToken, config.appToken].map(unwrapSecret)).toEqual([
      'pass',
      'ours',
      'theirs',
    ]);
  });

  it('may name a file instead of a secret', async () => {
    const file = join(folder, 'password');
    writeFileSync(file, 'from the file\n');
    const config = await readServiceConfig(
      { ...COMPLETE, DSOPS_DATABASE_PASSWORD: '', DSOPS_DATABASE_PASSWORD_FILE: file },
      {},
    );
    expect(unwrapSecret(config.database.password)).toBe('from the file');
  });

  it('is refused with everything that is wrong in it, by name and without a value', async () => {
    const message = await refusalOf(
      {
        ...COMPLETE,
        DSOPS_PORT: '70000',
        DSOPS_TRACE_SHARE: '10',
        DSOPS_TOPIC_PREFIX: 'Stäging',
        DAPR_API_TOKEN: undefined,
        APP_API_TOKEN: undefined,
        APP_API_TOKEN_FILE: join(folder, 'nothing'),
      },
      { DSOPS_MARK_FILE: z.string().min(1) },
    );
    for (const part of [
      'DSOPS_PORT is not',
      'DSOPS_TRACE_SHARE is not',
      'DSOPS_TOPIC_PREFIX holds other',
      'DAPR_API_TOKEN is missing',
      'APP_API_TOKEN_FILE cannot be read (ENOENT)',
      'DSOPS_MARK_FILE is missing',
    ])
      expect(message).toContain(part);
    for (const value of ['70000', 'Stäging', 'pass']) expect(message).not.toContain(value);
  });

  describe('of one that seals', () => {
    const master = new MasterKey(newKeyBytes());
    const asked = serviceKeyConfig('notification');
    const text = unwrapSecret(master.serviceKey('notification').write());

    it('hands it its key, from a file as from the variable', async () => {
      const file = join(folder, 'service.key');
      writeFileSync(file, `${text}\n`);
      for (const given of [{ DSOPS_SERVICE_KEY: text }, { DSOPS_SERVICE_KEY_FILE: file }]) {
        const { DSOPS_SERVICE_KEY: key } = (await readServiceConfig({ ...COMPLETE, ...given }, asked)).own;
        expect(key.fingerprint('a')).toBe(master.serviceKey('notification').fingerprint('a'));
      }
    });

    it('is refused without its key, with a damaged one, and with that of another service', async () => {
      const rotations = unwrapSecret(master.serviceKey('rotation').write());
      const damaged = text.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
      expect(await refusalOf(COMPLETE, asked)).toContain('DSOPS_SERVICE_KEY is missing');
      const refusals = await Promise.all(
        [damaged, rotations].map((given) => refusalOf({ ...COMPLETE, DSOPS_SERVICE_KEY: given }, asked)),
      );
      expect(refusals[0]).toContain('The service key of notification is damaged');
      expect(refusals[1]).toContain('The service key is that of rotation, and this is notification');
      const secrets = [text, rotations].flatMap((key) => key.split('.').slice(4, 6));
      for (const secret of secrets) expect(refusals.join()).not.toContain(secret);
    });
  });

  it('is documented, every variable of it', () => {
    const source = readFileSync(new URL('config.ts', import.meta.url), 'utf8');
    const names = [...source.matchAll(/^ {2}([A-Z_]{6,}):/gm)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !documented.includes(`| \`${name}\` `))).toEqual([]);
  });

  it('takes an empty variable for one that is not there', async () => {
    expect(await refusalOf({ ...COMPLETE, APP_API_TOKEN: '' })).toContain('APP_API_TOKEN is missing');
  });
});
