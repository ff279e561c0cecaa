import { describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import { getStatus, startRotation } from '@dsops/contracts/rotation/api';
import { DomainError } from '@dsops/kernel';
import { aRotation, aStatus } from './builders.js';
import { Desk } from './command-line.js';
import { API_KEY, LostAnswer, StrictServer } from './strict-server.js';
import { world } from './world.js';

describe('finding the server', () => {
  const w = world();

  it('takes the one that runs on this machine', async () => {
    w.server.on(getStatus, () => ({ items: [aStatus()], next: null }));
    expect(await w.desk.run('rotation status')).toMatchObject({ code: 0 });
  });

  it('prefers --url to DSOPS_URL to the running one', async () => {
    const other = await new StrictServer().start();
    other.on(getStatus, () => ({ items: [aStatus({ service_name: 'elsewhere' })], next: null }));
    const wrong = 'http://127.0.0.1:9';
    const ended = await w.desk.run(`rotation status --url ${other.url}/`, { env: { DSOPS_URL: wrong } });
    expect(ended.stdout).toContain('elsewhere');
    expect(await w.desk.run('rotation status', { env: { DSOPS_URL: other.url } })).toMatchObject({ code: 0 });
    await other.stop();
  });

  it('says how to start one when none runs: exit code 2', async () => {
    const lonely = await Desk.beside(undefined);
    const { code, stderr } = await lonely.run('rotation status');
    expect(code).toBe(2);
    expect(stderr).toMatch(/No dsops runs on this machine.*\n→ Start it with "pnpm start"/);
    await lonely.clear();
  });

  it('says so when nobody listens any more: exit code 1', async () => {
    await w.server.stop();
    const { code, stderr } = await w.desk.run('rotation status');
    expect(code).toBe(1);
    expect(stderr).toMatch(/does not run: nobody listens/);
    await w.server.start();
  });

  it.each([
    ['postgres://app:canary@db/shop', /--url is not an http or https address/],
    ['http://app:canary@127.0.0.1:1', /--url holds a user or a password/],
    ['canary', /--url is not an address/],
  ])('refuses %s without repeating it', async (address, message) => {
    const { code, stdout, stderr } = await w.desk.run(['rotation', 'status', '--url', address]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stdout + stderr).not.toContain('canary');
  });

  it("does not send this machine's key to another", async () => {
    const { code, stderr } = await w.desk.run('rotation status --url https://dsops.example.com');
    expect(code).toBe(2);
    expect(stderr).toMatch(/There is no API key for https:\/\/dsops.example.com/);
  });
});

describe('the API key', () => {
  const w = world();

  it('is read from the file that DSOPS_API_KEY_FILE names', async () => {
    const keyFile = await w.desk.file('other.key', 'dsops_another-key\n');
    const { code, stderr } = await w.desk.run('rotation status', { env: { DSOPS_API_KEY_FILE: keyFile } });
    expect(code).toBe(2);
    expect(stderr).toBe('Error: This API key is not known here.\n→ Use the key that this server made.\n');
  });

  it.each(['line one\nline two canary', '', 'canary with spaces'])(
    '%j is no key, and is not repeated',
    async (content) => {
      const keyFile = await w.desk.file('bad.key', content);
      const { code, stdout, stderr } = await w.desk.run('rotation status --debug', {
        env: { DSOPS_API_KEY_FILE: keyFile },
      });
      expect(code).toBe(2);
      expect(stderr).toContain('does not hold an API key');
      expect(stdout + stderr).not.toContain('canary');
    },
  );

  it('is never shown, not even with --debug', async () => {
    w.server.on(getStatus, () => {
      throw new DomainError('internal', 'internal', 'It broke.');
    });
    const { code, stdout, stderr } = await w.desk.run('rotation status --debug');
    expect(code).toBe(1);
    expect(stderr).toContain('debug: GET /status?limit=200 500');
    expect(stdout + stderr).not.toContain(API_KEY);
  });
});

describe('a lost connection', () => {
  const w = world();

  it('is tried again with the same Idempotency-Key, and another rotation gets another key', async () => {
    let losses = 2;
    w.server.on(startRotation, () => {
      if (losses-- > 0) throw new LostAnswer();
      return aRotation({ state: 'pending', endedAt: null });
    });
    expect(await w.desk.run('rotation rotate payments-db --no-wait')).toMatchObject({ code: 0 });
    expect(await w.desk.run('rotation rotate payments-db --no-wait')).toMatchObject({ code: 0 });
    const keys = w.server.requestsOf(startRotation).map(({ idempotencyKey }) => idempotencyKey);
    expect(keys).toHaveLength(4);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect(new Set(keys).size).toBe(2);
  });

  it('ends with one sentence when it stays lost', async () => {
    w.server.on(startRotation, () => {
      throw new LostAnswer();
    });
    const { code, stderr } = await w.desk.run('rotation rotate payments-db --no-wait');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error: dsops at http:\/\/127.0.0.1:\d+ cannot be reached/);
    expect(w.server.requestsOf(startRotation)).toHaveLength(4);
  });
});

describe('an answer that is not ours', () => {
  it('is said in one sentence, whatever it is', async () => {
    const stranger = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>'));
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const desk = await Desk.beside(undefined);
    const { port } = stranger.address() as { port: number };
    const { code, stderr } = await desk.run(`rotation status --url http://127.0.0.1:${port}`);
    expect(code).toBe(1);
    expect(stderr).toContain('does not speak as dsops does (HTTP status 502)');
    stranger.close();
    await desk.clear();
  });

  const w = world();

  it('is told from a newer server whose answers this command cannot read', async () => {
    w.server.on(getStatus, () => {
      throw new DomainError('client_too_old', 'invalid', 'This dsops command is too old for this server.', {
        remedy: 'Update it to 9.0.0 or newer.',
      });
    });
    const { code, stderr } = await w.desk.run('rotation status');
    expect(code).toBe(6);
    expect(stderr).toBe('Error: This dsops command is too old for this server.\n→ Update it to 9.0.0 or newer.\n');
  });

  it('lists all faults of a refused request', async () => {
    w.server.on(startRotation, () => {
      throw new DomainError('request_invalid', 'invalid', 'The request is not valid.', {
        errors: [
          { path: 'body.a', message: 'is missing' },
          { path: 'body.b', message: 'is unknown' },
        ],
      });
    });
    const { code, stderr } = await w.desk.run('rotation rotate payments-db --no-wait');
    expect(code).toBe(6);
    expect(stderr).toContain('  • body.a: is missing\n  • body.b: is unknown\n');
  });
});

describe('the wrong words', () => {
  const w = world();

  it.each([
    ['rotation status --canary=canary', 'There is no option --canary here.'],
    ['rotation status a canary2', 'There are more words than this command takes.'],
    ['canary', 'There is no such command.'],
    ['rotation rotate payments-db --on-conflict canary', 'The value of --on-conflict is not valid.'],
    ['rotation history --format canary', 'The value of --format is not valid.'],
    ['rotation history --limit canary', 'The value of --limit is not valid.'],
    ['rotation rotate payments-db --strategy canary', '--strategy does not name a strategy.'],
    ['rotation rotate payments-db --strategy overlap', 'The strategy overlap cannot be used yet.'],
  ])('%s', async (line, message) => {
    const { code, stdout, stderr } = await w.desk.run(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`Error: ${message}\n→ `);
    expect(stderr.replace('--canary', '')).not.toContain('canary');
  });

  it('a wrong name is told before anything is sent: exit code 6', async () => {
    const { code, stderr } = await w.desk.run(['inbox', 'read', 'not-an-id']);
    expect(code).toBe(6);
    expect(stderr).toContain('notificationId');
    expect(w.server.seen).toEqual([]);
  });
});
