import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { unwrapSecret, type DomainError } from '@dsops/kernel';
import { FakeBroker, FakeDaprd } from '@dsops/testing';
import { readServiceConfig, type Environment } from './config.js';
import type { WaitOptions } from './secret-store.js';

const STORES = {
  secrets: {
    secrets: {
      password: { password: ' from the store\n' },
      'path/of/one': { 'path/of/one': 'deep' },
      nothing: { nothing: '' },
      kept: { kept: 'another' },
    },
    allowed: ['password', 'path/of/one', 'nothing', 'unknown'],
  },
  cluster: { secrets: { 'app-secrets': { 'audit-password': 'one of several', 'other-password': 'another' } } },
};

describe("secrets from the sidecar's stores", () => {
  let daprd: FakeDaprd;
  const start = (port?: number) =>
    FakeDaprd.start({
      appId: 'audit',
      broker: new FakeBroker(),
      apiToken: 'ours',
      secretStores: STORES,
      ...(port === undefined ? {} : { port }),
    });
  let port: string;
  beforeEach(async () => {
    daprd = await start();
    port = new URL(daprd.url).port;
  });
  afterEach(() => daprd.stop());

  const read = (changed: Environment, wait: WaitOptions = { timeoutMs: 0 }) =>
    readServiceConfig({ DAPR_HTTP_PORT: port, DAPR_API_TOKEN: 'ours', APP_API_TOKEN: 'theirs', ...changed }, {}, wait);
  const refusalOf = async (changed: Environment): Promise<string> => {
    const error: unknown = await read(changed).then(
      () => undefined,
      (refusal: unknown) => refusal,
    );
    expect(error).toMatchObject({ code: 'configuration_invalid' });
    return (error as DomainError).message;
  };

  it.each([
    ['under its own name', 'secrets/password', 'from the store'],
    ['under a key with slashes', 'secrets/path/of/one', 'deep'],
    ['as one of several entries', 'cluster/app-secrets#audit-password', 'one of several'],
  ])('are found %s', async (_, from, value) => {
    const { database } = await read({ DSOPS_DATABASE_PASSWORD_FROM: from });
    expect(unwrapSecret(database.password)).toBe(value);
  });

  it.each([
    ['the reference is none', 'the password itself', 'is not of the form store/key'],
    ['the store is unknown', 'vault/password', 'names a secret store that the sidecar does not have'],
    ['the key is unknown', 'secrets/unknown', 'cannot be read: the store says no (500 ERR_SECRET_GET'],
    ['the scopes deny it', 'secrets/kept', "names a secret that the scopes in the sidecar's Configuration deny"],
    ['the entry is unknown', 'cluster/app-secrets', 'names a secret that has no such entry (it has 2'],
    ['the secret is empty', 'secrets/nothing', 'names a secret that is empty'],
  ])('say so when %s', async (_, from, says) => {
    const message = await refusalOf({ DSOPS_DATABASE_PASSWORD_FROM: from });
    expect(message).toContain(`DSOPS_DATABASE_PASSWORD_FROM ${says}`);
    expect(message).not.toContain('DSOPS_DATABASE_PASSWORD is missing');
    for (const value of ['another', 'one of several', 'the password itself']) expect(message).not.toContain(value);
  });

  it('say what is wrong with the way to them, together with everything else', async () => {
    const from = { DSOPS_DATABASE_PASSWORD_FROM: 'secrets/password', DSOPS_PORT: 'x' };
    const wrongToken = await refusalOf({ ...from, DAPR_API_TOKEN: 'wrong' });
    expect(wrongToken).toContain('DSOPS_DATABASE_PASSWORD_FROM cannot be read: the sidecar refuses DAPR_API_TOKEN');
    expect(wrongToken).toContain('DSOPS_PORT is not');
    const noPort = await refusalOf({ ...from, DAPR_HTTP_PORT: 'x' });
    expect(noPort).toContain('DSOPS_DATABASE_PASSWORD_FROM cannot be read without DAPR_HTTP_PORT and DAPR_API_TOKEN');
    expect(noPort).toContain('DAPR_HTTP_PORT is not');
    expect(await refusalOf({ ...from, DAPR_API_TOKEN: 'line\nbreak' })).toContain(
      'DSOPS_DATABASE_PASSWORD_FROM cannot be read: The token for the Dapr sidecar',
    );
  });

  it('cannot be the tokens, which the sidecar knows the service by', async () => {
    const message = await refusalOf({
      DSOPS_DATABASE_PASSWORD: 'pass',
      DAPR_API_TOKEN: '',
      DAPR_API_TOKEN_FROM: 'secrets/password',
      APP_API_TOKEN: '',
      APP_API_TOKEN_FROM: 'secrets/password',
    });
    for (const token of ['DAPR_API_TOKEN', 'APP_API_TOKEN']) expect(message).toContain(`${token}_FROM is not possible`);
    expect(daprd.requests).toEqual([]);
  });

  it('are not chosen among several: a secret is said once', async () => {
    const message = await refusalOf({
      DSOPS_DATABASE_PASSWORD: 'pass',
      DSOPS_DATABASE_PASSWORD_FROM: 'secrets/password',
    });
    expect(message).toContain('DSOPS_DATABASE_PASSWORD_FROM says again what DSOPS_DATABASE_PASSWORD says');
  });

  it('wait for a sidecar that is still starting', async () => {
    await daprd.stop();
    const reasons: string[] = [];
    let starting: Promise<unknown> = Promise.resolve();
    const onWaiting = (reason: string) => {
      reasons.push(reason);
      starting = start(Number(port)).then((started) => void (daprd = started));
    };
    const reading = read({ DSOPS_DATABASE_PASSWORD_FROM: 'secrets/password' }, { onWaiting });
    expect(unwrapSecret((await reading).database.password)).toBe('from the store');
    await starting;
    expect(reasons).toEqual([expect.stringContaining('does not answer (ECONNREFUSED)')]);
  });

  it('say so when no sidecar comes, and stop waiting when the service is to stop', async () => {
    await daprd.stop();
    const changed = { DSOPS_DATABASE_PASSWORD_FROM: 'secrets/password' };
    expect(await refusalOf(changed)).toContain(
      'DSOPS_DATABASE_PASSWORD_FROM cannot be read: The Dapr sidecar does not answer (ECONNREFUSED)',
    );
    const stopping = new AbortController();
    const reading = read(changed, { signal: stopping.signal, onWaiting: () => stopping.abort() });
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });
});
