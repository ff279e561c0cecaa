import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { checkOut, getRotation, getStatus, listRotations, startRotation } from '@dsops/contracts/rotation/api';
import { eventually } from '@dsops/testing';
import { aCheckOut, aRotation } from './builders.js';
import { LivingRotation, world } from './world.js';

/** The built command, as people run it. `pnpm test` builds before it tests. */
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const onPosix = process.platform === 'win32' ? it.skip : it;

class Process {
  stdout = '';
  stderr = '';
  readonly child: ChildProcessWithoutNullStreams;

  constructor(command: string, args: readonly string[], env: Record<string, string>) {
    this.child = spawn(command, args, { env: { PATH: process.env.PATH ?? '', ...env } });
    this.child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  async ended(): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const [code] = (await once(this.child, 'close')) as [number | null];
    return { code, stdout: this.stdout, stderr: this.stderr };
  }
}

describe('the command as a process', () => {
  const w = world();
  const start = (...args: string[]) => new Process(process.execPath, [MAIN, ...args], w.desk.env);

  it('hands the password to a pipe, byte by byte, and ends at once', async () => {
    w.server.on(checkOut, () => aCheckOut());
    expect(await start('secret', 'get', 'payments-db').ended()).toEqual({
      code: 0,
      stdout: 'canary-password',
      stderr: '',
    });
  });

  it('ends with the exit code of what happened, and without a stack', async () => {
    const { code, stdout, stderr } = await start('rotation', 'rotate', 'nothing').ended();
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toBe('Error: There is no service nothing in production.\n→ There are: payments-db.\n');
  });

  it('stays without a stack when the server breaks its contract', async () => {
    const { stderr } = await start('rotation', 'status').ended();
    expect(stderr).not.toMatch(/\n +at /);
    // The server noticed that it had nothing to answer with: that is what this test wanted.
    expect(w.server.violations.splice(0)).toEqual([expect.stringContaining(`no handler for ${getStatus.id}`)]);
  });

  onPosix('leaves the rotation running on SIGINT', async () => {
    const rotation = new LivingRotation(w.server);
    w.server.on(startRotation, () => rotation.view);
    const command = start('rotation', 'rotate', 'payments-db');
    await eventually(() => expect(w.server.requestsOf(getRotation).length).toBeGreaterThan(0));
    command.child.kill('SIGINT');
    const { code, stderr } = await command.ended();
    expect(code).toBe(130);
    expect(stderr).toContain('The rotation goes on without this window.');
  });

  it('does not mind a reader that leaves early', async () => {
    w.server.on(listRotations, ({ query }) => ({
      items: Array.from({ length: query.limit }, () => aRotation()),
      next: 'x',
    }));
    const command = start('rotation', 'history', '--limit', '2000');
    command.child.stdout.destroy();
    expect(await command.ended()).toMatchObject({ code: 0, stderr: '' });
  });

  onPosix('completes words in a real bash', async () => {
    const script = `
      dsops() { "$NODE" "$MAIN" "$@"; }
      source <(dsops completion bash)
      COMP_WORDS=(dsops rotation rotate pay); COMP_CWORD=3; _dsops; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(dsops rotation ""); COMP_CWORD=2; _dsops; echo "\${COMPREPLY[@]}"`;
    const env = { ...w.desk.env, NODE: process.execPath, MAIN };
    const { stdout } = await new Process('bash', ['--norc', '-c', script], env).ended();
    expect(stdout).toBe('payments-db\nabandon clear help history plan resume rollback rotate show status watch\n');
  });
});
