import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createApiKey, getSystem, listApiKeys, revokeApiKey } from '@dsops/contracts/gateway/api';
import { AdminKeyService } from '../src/access/admin-key.service.js';
import { asProblem, startTestGateway, type TestGateway } from './gateway-fixture.js';

describe('the admin key of the first start', () => {
  let gateway: TestGateway;
  let key: string;
  beforeAll(async () => {
    gateway = await startTestGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    await forgetKeys();
    rmSync(dirname(gateway.adminKeyFile), { recursive: true });
    expect(await ensure()).toBe('made');
    key = inFile();
  });

  const forgetKeys = () => gateway.sql.query('delete from gateway.api_keys');
  const ensure = () => gateway.service.app.get(AdminKeyService).ensure(gateway.adminKeyFile);
  const inFile = () => readFileSync(gateway.adminKeyFile, 'utf8').trim();
  const beside = () => readdirSync(dirname(gateway.adminKeyFile)).filter((name) => name !== 'admin.key');

  it('lies in a file for its owner only, and is kept from then on', async () => {
    expect(readFileSync(gateway.adminKeyFile, 'utf8')).toBe(`${key}\n`);
    if (process.platform !== 'win32') expect(statSync(gateway.adminKeyFile).mode & 0o777).toBe(0o600);
    expect(await ensure()).toBe('kept');
    expect(inFile()).toBe(key);
    expect(beside()).toEqual([]);
    expect((await gateway.call(getSystem, {}, { key })).status).toBe(200);
  });

  it('is closed to others when somebody opened its file', async () => {
    if (process.platform === 'win32') return;
    chmodSync(gateway.adminKeyFile, 0o644);
    expect(await ensure()).toBe('kept');
    expect(statSync(gateway.adminKeyFile).mode & 0o777).toBe(0o600);
  });

  it('is replaced when its file was lost, and the lost one is refused', async () => {
    rmSync(gateway.adminKeyFile);
    expect(await ensure()).toBe('replaced');
    expect((await gateway.call(getSystem, {}, { key: inFile() })).status).toBe(200);
    expect(asProblem(await gateway.call(getSystem, {}, { key })).code).toBe('key_revoked');
    expect(gateway.logLines.join('')).toContain('admin key was lost and is replaced');
  });

  it.each([
    ['of another database', `dsops_01JD0000000000000000000001_${'c'.repeat(43)}`],
    ['that is damaged', 'dsops_01JD'],
  ])('leaves a file %s beside the new one', async (_, content) => {
    await forgetKeys();
    writeFileSync(gateway.adminKeyFile, `${content}\n`);
    expect(await ensure()).toBe('replaced');
    expect((await gateway.call(getSystem, {}, { key: inFile() })).status).toBe(200);
    const [aside] = beside();
    expect(readFileSync(`${dirname(gateway.adminKeyFile)}/${aside!}`, 'utf8')).toBe(`${content}\n`);
    expect(gateway.logLines.join('')).not.toContain(content);
  });

  it('stays revoked when an admin wanted it so', async () => {
    const other = (await gateway.call(createApiKey, { body: { name: 'ada', role: 'admin' } }, { key })).body.key;
    const { items } = (await gateway.call(listApiKeys, {}, { key })).body;
    const start = items.find(({ name }) => name === 'admin')!;
    await gateway.call(revokeApiKey, { params: { keyId: start.id } }, { key: other });
    expect(await ensure()).toBe('revoked');
    expect(inFile()).toBe(key);
    expect(asProblem(await gateway.call(getSystem, {}, { key })).code).toBe('key_revoked');
  });

  it('is made once when two starts race', async () => {
    await forgetKeys();
    rmSync(gateway.adminKeyFile);
    await Promise.all([ensure(), ensure()]);
    const { rows } = await gateway.sql.query(
      "select 1 from gateway.api_keys where made_by = 'start' and revoked_at is null",
    );
    expect(rows).toHaveLength(1);
  });
});
