import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync, chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SERVICES } from '@dsops/contracts/service-names';
import { addService, checkOut, getRotation, listServices, startRotation } from '@dsops/contracts/rotation/api';
import { ensureTools } from '../src/tools/ensure-tools.js';
import { isAlive } from '../src/is-alive.js';
import { eventually } from '@dsops/testing';
import { makeBilling } from './billing.js';
import { StackUnderTest } from './stack-under-test.js';
import { collectedBy, namesOf, orphansOf } from './zipkin.js';

/** A start takes half a minute on a quiet machine of two cores. */
const START_TIMEOUT_MS = 300_000;

const PARTS = ['postgres', 'kafka', 'sentry', 'zipkin', ...SERVICES, ...SERVICES.map((name) => `${name}-daprd`)];

describe('pnpm stack', () => {
  const stack = new StackUnderTest();
  beforeAll(async () => {
    await ensureTools(['kafka', 'zipkin', 'dapr']);
  }, 1_200_000);
  afterAll(async () => {
    await stack.run(['down']);
    stack.remove();
  }, 150_000);

  it('refuses before it starts anything: a port that is taken, a Java that is too old', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as { port: number };
    const taken = await stack.run(['up', '--port', String(port)]);
    await new Promise((closed) => server.close(closed));
    expect(taken).toMatchObject({ code: 1, text: expect.stringContaining(`Port ${port} cannot be had`) });

    const oldJava = join(stack.folder, 'old-java');
    mkdirSync(join(oldJava, 'bin'), { recursive: true });
    writeFileSync(join(oldJava, 'bin', 'java'), '#!/bin/sh\necho \'openjdk version "11.0.22"\' >&2\n');
    chmodSync(join(oldJava, 'bin', 'java'), 0o755);
    const old = await stack.run(['up'], { JAVA_HOME: oldJava });
    expect(old).toMatchObject({
      code: 1,
      text: expect.stringContaining('Java on this machine is 11.0; Java 17 or newer is needed'),
    });
    expect(existsSync(join(stack.folder, 'stack.json'))).toBe(false);
    expect(existsSync(join(stack.folder, 'lock'))).toBe(false);
  });

  it('Ctrl-C before it is up stops it in order', async () => {
    const { code, text } = await stack.run(['up', '--detach'], {}, /✓ PostgreSQL/);
    expect({ code, text }).toMatchObject({
      code: 130,
      text: expect.stringContaining('stopped; nothing is left running'),
    });
    expect(await stack.run(['status'])).toMatchObject({ code: 1, text: expect.stringContaining('No stack runs') });
  }, 150_000);

  it(
    'up --detach starts every service as a process of its own with its sidecar, and leaves them running',
    async () => {
      const { code, text } = await stack.run(['up', '--detach']);
      expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('The stack is up, after') });
      const { parts } = stack.record();
      for (const name of PARTS) expect(parts).toContainEqual(expect.objectContaining({ name, state: 'up' }));
      expect(new Set(stack.pids()).size).toBe(stack.pids().length);
      expect(await stack.run(['status'])).toMatchObject({
        code: 0,
        text: expect.stringContaining('every service answers through its sidecar'),
      });
    },
    START_TIMEOUT_MS,
  );

  it('a second one on the same folder is refused', async () => {
    const { code, text } = await stack.run(['up']);
    expect(code).toBe(1);
    expect(text).toContain('A stack runs on');
    expect(text).toContain('pnpm stack down');
  });

  let traceId = '';
  it('demo rotates a login through it, and ends with the trace', async () => {
    const { code, text } = await stack.run(['demo']);
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/✓ completed +without an outage/) });
    expect(text).toMatch(/refused +0\n/);
    const [, link = ''] = /(http:\/\/\S+\/zipkin\/traces\/[0-9a-f]+)/.exec(text) ?? [];
    traceId = link.split('/').at(-1) ?? '';
    expect((await fetch(link.replace('/zipkin/traces/', '/api/v2/trace/'))).status).toBe(200);
  }, 120_000);

  it('that trace goes from the request over outbox, Kafka and each consumer to the last effect, and hangs together', async () => {
    await eventually(async () => {
      const { traces } = await collectedBy(stack.record().zipkinUrl!);
      const spans = traces.find(([first]) => first?.traceId === traceId) ?? [];
      const names = namesOf(spans);
      const started = 'dsops.rotation.rotation.started.v1';
      const completed = 'dsops.rotation.rotation.completed.v1';
      // What notification makes of it travels on, and is heard in turn.
      const told = 'dsops.notification.inbox.delivered.v1';
      const wanted = [
        'gateway: startrotation',
        'rotation: outbox',
        'rotation: publish rotation-events',
        ...['audit', 'notification', 'gateway'].flatMap((service) =>
          [started, completed].map((type) => `${service}: process ${type}`),
        ),
        ...['set', 'probe', 'retire'].map((effect) => `rotation: target ${effect}`),
        'notification: publish notification-events',
        ...['audit', 'gateway'].map((service) => `${service}: process ${told}`),
      ];
      expect(wanted.filter((name) => !names.includes(name))).toEqual([]);
      expect(namesOf(orphansOf(spans))).toHaveLength(1);
    }, 30_000);
  }, 60_000);

  it('a rotation that has waited for its grace period is woken by a Dapr Job, and goes on in its trace', async () => {
    const api = stack.api();
    const body = await makeBilling(stack);
    await api.call(addService, { body });
    const { id } = await api.call(startRotation, {
      params: { environment: body.environment, service: body.name },
      body: {},
    });
    await eventually(
      async () =>
        expect(await api.call(getRotation, { params: { rotationId: id } })).toMatchObject({ state: 'completed' }),
      30_000,
    );
    await eventually(async () => {
      const { traces } = await collectedBy(stack.record().zipkinUrl!);
      const spans = traces.find((trace) => trace.some(({ tags }) => tags['dsops.rotation'] === id)) ?? [];
      expect(spans).toContainEqual(
        expect.objectContaining({ name: 'wake-up rotation', tags: expect.objectContaining({ 'dsops.wake_up': id }) }),
      );
    }, 15_000);
  }, 60_000);

  /** Everything secret that the tests can get hold of. */
  const secretsOf = async (): Promise<Set<string>> => {
    const secrets = new Set<string>();
    for (const service of SERVICES)
      for (const variable of readFileSync(`/proc/${stack.pidOf(service)}/environ`, 'utf8').split('\0'))
        if (/^(DSOPS_DATABASE_PASSWORD|DAPR_API_TOKEN|APP_API_TOKEN)=/.test(variable))
          secrets.add(variable.slice(variable.indexOf('=') + 1));
    expect(secrets.size).toBe(3 * SERVICES.length);
    const api = stack.api();
    // What the demo has generated, and the rotated login's database has taken.
    const [shop] = (await api.call(listServices)).items;
    const params = { environment: shop!.environment, service: shop!.name };
    const { password } = await api.call(checkOut, { params, body: { ttl: '1m', purpose: 'test' } });
    return secrets.add(stack.adminKey()).add(password);
  };

  it('shows its secrets to nobody: not in arguments, logs, traces, files of the sidecars, nor in what it says of itself', async () => {
    if (process.platform !== 'linux') return; // only there the environment of a process can be read
    const secrets = await secretsOf();
    const filesIn = (folder: string) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((one) => one.isFile())
        .map((one) => join(one.parentPath, one.name));
    const texts = [
      ...stack.pids().map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8')),
      ...['logs', 'dapr']
        .flatMap((name) => filesIn(join(stack.folder, name)))
        .map((file) => readFileSync(file, 'latin1')),
      readFileSync(join(stack.folder, 'stack.json'), 'utf8'),
      (await collectedBy(stack.record().zipkinUrl!)).text,
    ];
    for (const secret of secrets) expect(texts.some((text) => text.includes(secret))).toBe(false);
  }, 60_000);

  it('a part that dies is named, with how it ended, its last lines, and what to do', async () => {
    process.kill(stack.pidOf('audit'), 'SIGKILL');
    await eventually(async () => {
      const { code, text } = await stack.run(['status']);
      expect(code).toBe(1);
      expect(text).toContain('The stack runs without audit');
      expect(text).toMatch(/✗ audit +ended by itself \(signal SIGKILL\)/);
      expect(text).toMatch(/│ (info|warn|error): /);
      expect(text).toContain(`pnpm stack logs audit --home ${stack.folder}`);
      expect(text).toMatch(/✗ health +audit is/);
    }, 20_000);
    expect((await stack.run(['logs', 'stack'])).text).toContain('✗ audit');
  }, 60_000);

  it(
    'down leaves no process behind, and up goes on with the same data on the same ports',
    async () => {
      const pids = stack.pids();
      const before = stack.record().parts.map(({ name, address }) => ({ name, address }));
      expect(await stack.run(['down'])).toMatchObject({
        code: 0,
        text: expect.stringContaining('nothing is left running'),
      });
      expect(pids.filter(isAlive)).toEqual([]);
      expect(existsSync(join(stack.folder, 'stack.json'))).toBe(false);

      const { code, text } = await stack.run(['up', '--detach']);
      expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/✓ topics +3, as they were/) });
      expect(text).toMatch(/✓ schemas +up to date/);
      const kafka = (parts: { name: string; address?: string | undefined }[]) =>
        parts.find(({ name }) => name === 'kafka')?.address;
      expect(kafka(stack.record().parts)).toBe(kafka(before));
      expect((await stack.run(['demo'])).text).toContain('The sample is still here');
    },
    START_TIMEOUT_MS,
  );

  it('parts end by themselves when whoever watches over them is killed', async () => {
    const pids = stack.pids();
    process.kill(stack.record().pid, 'SIGKILL');
    await eventually(() => expect(pids.filter(isAlive)).toEqual([]), 40_000);
    expect(await stack.run(['status'])).toMatchObject({
      code: 1,
      text: expect.stringContaining('was not stopped in order'),
    });
    expect(await stack.run(['down'])).toMatchObject({ code: 0 });
    expect(await stack.run(['status'])).toMatchObject({ code: 1, text: expect.stringContaining('No stack runs') });
  }, 90_000);

  it(
    'demo starts what it needs where nothing runs, and says how to end it',
    async () => {
      const { code, text } = await stack.run(['demo']);
      expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('The stack is up, after') });
      expect(text).toContain('The sample is still here');
      expect(text).toContain(`This ends it: pnpm stack down --home ${stack.folder}`);
      expect(await stack.run(['status'])).toMatchObject({ code: 0 });
    },
    START_TIMEOUT_MS,
  );
});
