import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { DomainError, Secret } from '@dsops/kernel';
import { createLogger, startServiceApp, type ServiceApp } from '@dsops/platform';
import { DaprWakeUps, DaprWakeUpsModule } from '@dsops/scheduling';
import { wakeUpsConformance, type WakeUpsHarness } from '@dsops/scheduling/conformance';
import { FakeBroker, FakeDaprd, FakeScheduler } from '@dsops/testing';

const API_TOKEN = 'api-token-of-the-spec';
const APP_TOKEN = 'app-token-of-the-spec';
const logger = createLogger({ service: 'spec', level: 'silent' });

function startApp(wakeUps: DaprWakeUps): Promise<ServiceApp> {
  @Module({ imports: [DaprWakeUpsModule.for(wakeUps)] })
  class WakeUpsApp {}
  return startServiceApp(WakeUpsApp, { logger, token: APP_TOKEN });
}

async function openHarness(): Promise<WakeUpsHarness> {
  const scheduler = new FakeScheduler();
  return {
    open: async () => {
      const daprd = await FakeDaprd.start({
        appId: 'rotation',
        broker: new FakeBroker(),
        apiToken: API_TOKEN,
        scheduler,
      });
      const wakeUps = new DaprWakeUps({
        sidecarUrl: daprd.url,
        apiToken: new Secret(API_TOKEN),
        logger,
        retryAfterMs: 100,
      });
      const app = await startApp(wakeUps);
      daprd.serve({ appUrl: app.url, appToken: APP_TOKEN, routes: new Map(), healthPath: '/health/live', isRaw: true });
      const close = async () => {
        await wakeUps.stop();
        await daprd.stop();
        await app.close();
      };
      return { wakeUps, close };
    },
    close: async () => scheduler.stop(),
  };
}

describe('wake-ups as Dapr Jobs, with a strict fake of daprd', () => {
  for (const { name, run } of wakeUpsConformance) it(name, () => run(openHarness));
});

describe('a tick of a Dapr Job', () => {
  let wakeUps: DaprWakeUps;
  let app: ServiceApp;
  let daprd: FakeDaprd;
  beforeEach(async () => {
    daprd = await FakeDaprd.start({ appId: 'rotation', broker: new FakeBroker(), apiToken: API_TOKEN });
    wakeUps = new DaprWakeUps({ sidecarUrl: daprd.url, apiToken: new Secret(API_TOKEN), logger, timeoutMs: 200 });
    app = await startApp(wakeUps);
  });
  afterEach(async () => {
    await app.close();
    await daprd.stop();
  });

  const tick = async (body: unknown, name = 'any.name'): Promise<number> => {
    const headers = { 'content-type': 'application/json', 'dapr-api-token': APP_TOKEN };
    return (await fetch(`${app.url}/job/${name}`, { method: 'POST', headers, body: JSON.stringify(body) })).status;
  };
  const due = { task: 'rotation', key: '1' };

  it('is asked for again before the start, after the stop and for a task that nobody handles; never with 404', async () => {
    wakeUps.on('rotation', async () => undefined);
    expect(await tick(due)).toBe(503);
    await wakeUps.start();
    expect(await tick(due)).toBe(200);
    expect(await tick({ task: 'another', key: '1' })).toBe(503);
    await wakeUps.stop();
    expect(await tick(due)).toBe(503);
  });

  it('is asked for again when the handler fails, whatever it fails with', async () => {
    wakeUps.on('rotation', () =>
      Promise.reject(new DomainError('rotation_unknown', 'not_found', 'There is no such rotation.')),
    );
    await wakeUps.start();
    expect(await tick(due)).toBe(503);
  });

  it('is over when it is no wake-up of ours', async () => {
    await wakeUps.start();
    for (const body of [{}, [], { task: 'rotation' }, { task: 1, key: 2 }]) expect(await tick(body)).toBe(200);
  });

  it.each([
    [
      'the scheduler refuses it',
      { status: 500, body: { errorCode: 'DAPR_SCHEDULER_SCHEDULE_JOB', message: 'failed to schedule job' } },
    ],
    ['the sidecar has no such route', { status: 404, text: '' }],
    ['the answer is not the one of scheduling', { status: 200, text: '' }],
    ['the scheduler keeps us waiting', 'silence'],
  ] as const)('is not armed, and that is said, when %s', async (_, answer) => {
    await wakeUps.start();
    daprd.planned.push(answer, answer);
    const kind = 'unavailable';
    await expect(wakeUps.arm({ ...due, at: new Date() })).rejects.toMatchObject({ kind });
    await expect(wakeUps.cancel(due)).rejects.toMatchObject({ kind });
  });
});
