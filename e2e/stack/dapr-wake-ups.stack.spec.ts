import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { unwrapSecret } from '@dsops/kernel';
import { createLogger, startServiceApp } from '@dsops/platform';
import { DaprWakeUps, DaprWakeUpsModule } from '@dsops/scheduling';
import { wakeUpsConformance, type WakeUpsHarness } from '@dsops/scheduling/conformance';
import { ensureTools, freePort, startDaprd, startScheduler } from '@dsops/stack';
import { API_TOKEN, APP_TOKEN, writeSidecarFiles } from './sidecar-files.js';

const logger = createLogger({ service: 'stack', level: process.env.DSOPS_TEST_LOG ?? 'silent' });
let folder: string;
let opened = 0;

beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'dsops-stack-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One process of the rotation service: wake-ups, the route for ticks, and its sidecar. */
async function openProcess(schedulerAddress?: string) {
  opened += 1;
  const tools = await ensureTools(['dapr']);
  const { resourcesPath, configPathOf } = await writeSidecarFiles(join(folder, 'files'), {});
  const httpPort = await freePort();
  const wakeUps = new DaprWakeUps({
    sidecarUrl: `http://127.0.0.1:${httpPort}`,
    apiToken: API_TOKEN,
    logger,
    retryAfterMs: 500,
  });
  @Module({ imports: [DaprWakeUpsModule.for(wakeUps)] })
  class WakeUpsApp {}
  const app = await startServiceApp(WakeUpsApp, { logger, token: unwrapSecret(APP_TOKEN) });
  const daprd = await startDaprd({
    tools,
    appId: 'rotation',
    appPort: Number(new URL(app.url).port),
    httpPort,
    apiToken: API_TOKEN,
    appToken: APP_TOKEN,
    resourcesPath,
    configPath: configPathOf('rotation'),
    logFile: join(folder, `daprd-${opened}.log`),
    ...(schedulerAddress === undefined ? {} : { schedulerAddress }),
  });
  const close = async () => {
    await wakeUps.stop();
    await daprd.stop();
    await app.close();
  };
  return { wakeUps, close };
}

describe('wake-ups through daprd', () => {
  it('say soon that there is no scheduler', async () => {
    const { wakeUps, close } = await openProcess();
    await wakeUps.start();
    const armed = wakeUps.arm({ task: 'rotation', key: '1', at: new Date() });
    await expect(armed).rejects.toMatchObject({ kind: 'unavailable' });
    await close();
  });
});

describe('wake-ups as Dapr Jobs', () => {
  async function openHarness(): Promise<WakeUpsHarness> {
    const tools = await ensureTools(['scheduler']);
    opened += 1;
    const dataDir = join(folder, `scheduler-${opened}`);
    const scheduler = await startScheduler({ tools, dataDir, logFile: join(folder, `scheduler-${opened}.log`) });
    return { open: () => openProcess(scheduler.address), close: () => scheduler.stop() };
  }

  for (const { name, run } of wakeUpsConformance) it(name, () => run(openHarness));
});
