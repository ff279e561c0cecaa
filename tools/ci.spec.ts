import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PlantedWorkspace } from './lint/planted-workspace.js';

interface Part {
  readonly name: string;
  readonly tool: string;
  readonly args: readonly string[];
  readonly isTouched: boolean;
}
interface Parts {
  partsFor(commit: string, changed: readonly string[]): Part[];
}

const TOOLS = [
  'test',
  'check',
  'newcomer',
  'planted',
  'restore',
  'drivers',
  'histories',
  'kill',
  'fuzz',
  'events',
  'test-stack',
];
const WHOLE = ['test', 'check', 'newcomer'];

describe('what is proven of a commit', () => {
  let partsFor: Parts['partsFor'];
  beforeAll(async () => {
    ({ partsFor } = (await import(pathToFileURL(join(import.meta.dirname, 'ci-parts.mjs')).href)) as Parts);
  });
  const commit = (nth: number) => createHash('sha1').update(String(nth)).digest('hex');
  const argsOf = (name: string, nth: number, changed: readonly string[] = []) =>
    partsFor(commit(nth), changed)
      .find((part) => part.name === name)!
      .args.join(' ');

  it('is the same however often it is asked', () => {
    expect(partsFor(commit(1), ['docs/a.md'])).toEqual(partsFor(commit(1), ['docs/a.md']));
  });

  it('is always tests, check and newcomer, whole', () => {
    for (const name of WHOLE) expect(argsOf(name, 1)).toBe('');
  });

  it.each(['kill', 'stack', 'kill on the stack', 'events on the stack', 'planted kills', 'planted events'])(
    'walks through all of %s, one commit after the other',
    (name) => {
      const drawn = new Set(Array.from({ length: 1_500 }, (_, nth) => argsOf(name, nth)));
      const [, of] = /shard[= ]\d+\/(\d+)/.exec(argsOf(name, 1)) ?? [null, '6'];
      expect(drawn.size).toBe(Number(of));
    },
  );

  it('is more of what the commit touches, and of nothing else', () => {
    const slicesOf = (changed: string) =>
      ['kill', 'stack'].map((name) => Number(/\/(\d+)/.exec(argsOf(name, 1, [changed]))?.[1]));
    const [kill, stack] = slicesOf('docs/engine.md') as [number, number];
    expect(slicesOf('apps/rotation/src/engine/decide.ts')).toEqual([kill / 2, stack]);
    expect(slicesOf('libs/messaging/src/inbox/place.ts')).toEqual([kill, stack / 2]);
  });
});

describe('the run of all parts', () => {
  const workspace = new PlantedWorkspace(['tools/ci.mjs', 'tools/ci-parts.mjs', 'tools/run.mjs', 'tools/terminal.mjs']);
  const git = (...args: string[]) => execFileSync('git', args, { cwd: workspace.root, stdio: 'ignore' });
  const endWith = (tool: string, code: number) =>
    workspace.write(`tools/${tool}.mjs`, `console.log('${tool} ran'); process.exitCode = ${code};`);
  const ci = (...args: string[]) => workspace.run(['tools/ci.mjs', ...args]);

  beforeAll(() => {
    for (const tool of TOOLS) endWith(tool, 0);
    git('init', '--quiet');
    git('-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '--quiet', '--allow-empty', '-m', 'one');
  });
  afterAll(() => workspace.remove());

  it('ends with 0 when every part does, and tells the minutes of each', async () => {
    const { code, stdout } = await ci();
    expect(stdout).toMatch(/^✓ +\d+\.\d {2}test +tools\/test\.mjs$/m);
    expect(stdout).toMatch(/^ +\d+\.\d {2}together\nEverything holds\.$/m);
    expect(code).toBe(0);
  });

  it('goes on after a part that fails, names it, and ends with 1', async () => {
    endWith('check', 3);
    const { code, stdout } = await ci();
    endWith('check', 0);
    for (const tool of TOOLS) expect(stdout).toContain(`${tool} ran`);
    expect(stdout).toMatch(/^✗ .*check +tools\/check\.mjs {2}ended with 3$/m);
    expect(stdout).toContain('Does not hold: check.');
    expect(code).toBe(1);
  });

  it('does the parts that are asked for, and knows no others', async () => {
    const { stdout } = await ci('restore');
    expect(TOOLS.filter((tool) => stdout.includes(`${tool} ran`))).toEqual(['restore']);
    expect(await ci('everything')).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no part') });
  });
});
