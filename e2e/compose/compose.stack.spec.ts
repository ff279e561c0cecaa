import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SERVICES } from '@dsops/contracts';
import { ensureTools, type Tools } from '@dsops/stack';
import { argsOf, services, sidecarOf } from './compose-file.js';

describe("the command lines of Dapr's programs in compose.yaml", () => {
  let tools: Pick<Tools, 'dapr'>;
  beforeAll(async () => {
    tools = await ensureTools(['dapr']);
  }, 900_000);

  /** Options that this version of the program names in its help. */
  const knownTo = (program: string): string[] => {
    const { stdout, stderr } = spawnSync(program, ['--help'], { encoding: 'utf8' });
    return [...`${stdout}${stderr}`.matchAll(/^ +(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option!);
  };
  const optionsIn = (words: readonly string[]) => words.filter((word) => word.startsWith('--'));

  it('have only options that daprd knows', () => {
    const known = knownTo(tools.dapr.daprd);
    for (const service of SERVICES) {
      const options = optionsIn(argsOf(sidecarOf(service)));
      expect(options.length).toBeGreaterThan(10);
      expect(known).toEqual(expect.arrayContaining(options));
    }
  });

  it('have only options that sentry knows', () => {
    const options = optionsIn(String(services.sentry!.command).split(/\s+/));
    expect(options.length).toBeGreaterThan(3);
    expect(knownTo(tools.dapr.sentry)).toEqual(expect.arrayContaining(options));
  });
});
