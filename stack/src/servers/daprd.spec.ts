import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Secret } from '@dsops/kernel';
import { startDaprd, type DaprdServer } from './daprd.js';

/** What a sidecar does whose component cannot be made: it warns, calls itself healthy, and ends a moment later. */
const DYING = `#!${process.execPath}
const port = process.argv[process.argv.indexOf('--dapr-http-port') + 1];
console.log('Error processing component, daprd will exit gracefully: kafka: client has run out of available brokers');
require('node:http').createServer((_, answer) => answer.writeHead(204).end()).listen(Number(port), '127.0.0.1');
setTimeout(() => process.exit(1), 1_000);
`;
const HEALTHY = DYING.replace(/^console.*$/m, '').replace(/^setTimeout.*$/m, '');

/** The program is a script, which runs by its first line where there are such scripts. */
const onUnix = process.platform === 'win32' ? describe.skip : describe;

onUnix('the start of a sidecar', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-daprd-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function start(program: string): Promise<DaprdServer> {
    const daprd = join(folder, 'daprd');
    writeFileSync(daprd, program);
    chmodSync(daprd, 0o755);
    return startDaprd({
      tools: { dapr: { version: '1.18.1', daprd, sentry: daprd } },
      appId: 'lost',
      resourcesPath: folder,
      apiToken: new Secret('a'),
      appToken: new Secret('b'),
      logFile: join(folder, 'daprd.log'),
    });
  }

  it('is over when its API answers', async () => {
    const server = await start(HEALTHY);
    await server.kill();
  });

  it('does not believe a sidecar that calls itself healthy while it ends', async () => {
    await expect(start(DYING)).rejects.toMatchObject({ code: 'kafka_unreachable' });
  });
});
