import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@dsops/testing';
import { PlantedWorkspace } from './lint/planted-workspace.js';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** A process and what it has printed so far. */
function start(folder: string, script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [join(folder, 'tools', script), ...args], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const process_ = { child, text: '', ended: endOf(child) };
  child.stdout.on('data', (chunk: Buffer) => (process_.text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (process_.text += chunk.toString()));
  return process_;
}

const endOf = (child: ChildProcess) => new Promise<number | null>((done) => child.once('close', done));

async function run(script: string, args: readonly string[], env?: NodeJS.ProcessEnv) {
  const running = start(ROOT, script, args, env);
  return { code: await running.ended, text: running.text };
}

describe('the tools', () => {
  it.each(['check.mjs', 'dev.mjs', 'doctor.mjs', 'generate.mjs'])('explain themselves: %s --help', async (script) => {
    const { code, text } = await run(script, ['--help']);
    expect(code).toBe(0);
    expect(text).toMatch(/^Usage: /);
  });

  it.each(['check.mjs', 'doctor.mjs', 'generate.mjs'])('refuse an option that is not there: %s', async (script) => {
    const { code, text } = await run(script, ['--no-such-option']);
    expect(code).toBe(2);
    expect(text).toContain('--no-such-option');
    expect(text).not.toContain('    at ');
  });
});

describe('doctor', () => {
  it('names a port that is in use, and what to do', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as { port: number };
    const { code, text } = await run('doctor.mjs', ['--port', String(port)], {
      DSOPS_HOME: join(ROOT, 'no-such-home'),
    });
    await new Promise((closed) => server.close(closed));
    expect(code).toBe(1);
    expect(text).toContain(`Port ${port} is in use`);
    expect(text).toContain('pnpm start --port');
  });

  it('says whether the keys of an installation are in order', async () => {
    const home = mkdtempSync(join(tmpdir(), 'dsops-doctor-'));
    const keys = join(home, 'keys');
    const doctor = async () => (await run('doctor.mjs', ['--port', '0'], { DSOPS_HOME: home })).text;
    try {
      mkdirSync(keys);
      for (const name of ['admin.key', 'sealing.key']) writeFileSync(join(keys, name), 'x', { mode: 0o600 });
      expect(await doctor()).toContain('Keys are there, and readable for you only');
      writeFileSync(join(keys, 'sealing.key.next'), 'x', { mode: 0o600 });
      expect(await doctor()).toMatch(
        /sealing\.key\.next is there: a change of the master key .*\n.*dsops keys rotate-master/,
      );
      for (const name of ['sealing.key.next', 'sealing.key']) rmSync(join(keys, name));
      expect(await doctor()).toContain('sealing.key is missing: nothing can open the sealed passwords');
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});

describe('check', () => {
  const workspace = new PlantedWorkspace([
    'tools/check.mjs',
    'tools/database-clients.mjs',
    'tools/run.mjs',
    'tools/terminal.mjs',
    '.prettierrc.json',
  ]);
  afterAll(() => workspace.remove());
  const check = async (part: string) => {
    const running = start(workspace.root, 'check.mjs', [part]);
    return { code: await running.ended, text: running.text };
  };

  it('ends with 1 when a part is not in order, names the file, and says what mends it', async () => {
    workspace.write('.prettierignore', 'package.json');
    workspace.write('good.ts', 'export const one = 1;\n');
    expect(await check('format')).toMatchObject({ code: 0, text: expect.stringMatching(/✓ format[^]*All in order/) });

    workspace.write('bad.ts', 'export const one=1');
    const { code, text } = await check('format');
    expect(code).toBe(1);
    expect(text).toMatch(/✗ format[^]*bad\.ts[^]*prettier --write[^]*pnpm check format/);
    expect(text).not.toContain('good.ts');
  });

  it('knows its parts', async () =>
    expect(await check('spelling')).toMatchObject({ code: 2, text: expect.stringContaining('There is no part') }));
});

describe('dev', () => {
  // It can be stopped before it says that it runs: from then on it may be.
  const program = (word: string) =>
    `process.on('SIGTERM', () => { console.log('stopped ${word}'); process.exit(0); });\nconsole.log('runs ${word}');\nsetTimeout(() => process.exit(3), 45_000);\n`;
  const workspace = new PlantedWorkspace([
    'tools/dev.mjs',
    'tools/database-clients.mjs',
    'tools/run.mjs',
    'tools/terminal.mjs',
    'tsconfig.base.json',
  ]);
  workspace.write('tsconfig.json', JSON.stringify({ files: [], references: [{ path: 'apps/standalone' }] }));
  workspace.write('apps/standalone/tsconfig.json', JSON.stringify({ extends: '../../tsconfig.base.json' }));
  workspace.write('apps/standalone/package.json', JSON.stringify({ type: 'module' }));
  workspace.write('apps/standalone/src/main.ts', program('one'));
  workspace.write(
    'libs/database/library/schema.prisma',
    'generator client {\n provider = "prisma-client"\n output = "./client"\n}\ndatasource db {\n provider = "postgresql"\n}\nmodel Shelf {\n id String @id\n}\n',
  );
  afterAll(() => workspace.remove());

  it('restarts on a good build, keeps the old one on a bad one, and leaves nothing behind', async () => {
    const dev = start(workspace.root, 'dev.mjs', []);
    const says = (text: string) => eventually(() => expect(dev.text).toContain(text), 20_000);

    try {
      await says('runs one');
      workspace.write('apps/standalone/src/main.ts', 'const wrong: number = "text";\n');
      await says('keeps running on the last good build');
      expect(dev.text).not.toContain('stopped one');

      workspace.write('apps/standalone/src/main.ts', program('two'));
      await says('runs two');
      expect(dev.text).toMatch(/stopped one[^]*runs two/);

      workspace.write('libs/database/library/schema.prisma', 'model Shelf {}\n');
      await says('libs/database/library/schema.prisma:1');
      expect(dev.text).not.toContain('stopped two');

      dev.child.kill('SIGTERM');
      expect(await dev.ended).toBe(0);
      expect(dev.text).toContain('stopped two');
    } finally {
      dev.child.kill('SIGKILL');
    }
  }, 60_000);
});
