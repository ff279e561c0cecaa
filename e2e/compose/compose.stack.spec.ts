import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SERVICES } from '@dsops/contracts/service-names';
import { ensureTools, type Tools } from '@dsops/stack';
import { argsOf, services, sidecarOf } from './compose-file.js';

describe("the command lines of Dapr's programs in compose.yaml", () => {
  let tools: Pick<Tools, 'dapr' | 'scheduler'>;
  beforeAll(async () => {
    tools = await ensureTools(['dapr', 'scheduler']);
  }, 900_000);

  /**
   * What this version of the program makes of its options, the hidden ones and their values included: it reads them in
   * their order, so it comes to `--help` only when it has understood the others.
   */
  const understands = (program: string, words: readonly string[]): void => {
    const options = words.slice(words.findIndex((word) => word.startsWith('--')));
    expect(options.length).toBeGreaterThan(5);
    const { stdout, stderr } = spawnSync(program, [...options, '--help'], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`.split('\n')).toContain('pflag: help requested');
  };
  const wordsOf = (name: string): string[] => String(services[name]!.command).split(/\s+/);

  it.each(SERVICES)('are what daprd understands: %s', (service) =>
    understands(tools.dapr.daprd, argsOf(sidecarOf(service))),
  );

  it('are what sentry understands', () => understands(tools.dapr.sentry, wordsOf('sentry')));

  it('are what the scheduler understands', () => understands(tools.scheduler.scheduler, wordsOf('scheduler')));
});
