import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SCHEMAS } from '@dsops/database';
import { unwrapSecret } from '@dsops/kernel';
import { DATABASE_SUPERUSER, databaseRole } from '@dsops/sealing';
import { eventually } from '@dsops/testing';
import { BadInputWorld, ENVIRONMENT } from './bad-input-world.js';
import { Program } from '../harness/program.js';
import { filesOf, outputOf, rowsOf, waysOutIn, writtenBy } from './evidence.js';
import type { CliRun } from './installation-under-test.js';
import { SecretScan, type Exhibit, type Leak } from './secret-scan.js';
import type { Shop } from '../harness/target.js';

/** A secret that somebody wrote where it does not belong: it shows that the search finds what is there. */
const PLANTED = 'planted leak';

/**
 * Passwords, API keys, generated values and the key that seals them go through everything the product does; then every
 * byte that came out of it is searched for all of them. The errors that bad input brings are searched where they are
 * tested, in bad-input.acceptance.spec.ts.
 */
describe('secrets', () => {
  let world: BadInputWorld;
  let shop: Shop;
  const following = new AbortController();

  beforeAll(async () => {
    world = await BadInputWorld.start();
    shop = await world.makeShop('shop');
    await lookForKeys();
    void follow();
  });

  afterAll(() => world?.close());

  /** The key that seals everything, and the passwords that come from it. */
  const lookForKeys = async () => {
    const { home } = world.installation;
    const { key: text } = JSON.parse(readFileSync(home.keyFile, 'utf8')) as { key: string };
    world.secrets.add('sealing key', Buffer.from(text, 'base64url'));
    const key = await home.masterKey();
    world.secrets.add('wrapping key', key.serviceKey('rotation').wrappingKey().export());
    world.secrets.add('password of the superuser', unwrapSecret(key.password(DATABASE_SUPERUSER)));
    for (const schema of SCHEMAS)
      world.secrets.add(`password of the role ${schema}`, unwrapSecret(key.password(databaseRole(schema))));
    world.secrets.add('secret part of the admin API key', home.adminKey.slice(-43));
  };

  /** The stream of events, from the beginning; what comes is kept by the recorder. */
  const follow = async () => {
    const { url, home } = world.installation;
    const headers = { authorization: `Bearer ${home.adminKey}` };
    try {
      const stream = await fetch(`${url}/api/v1/events`, { headers, signal: following.signal });
      await stream.arrayBuffer();
    } catch {
      // Ended by the test, or with the installation.
    }
  };

  /** Runs a command that must work, as most do here. */
  const cli = async (...words: string[]): Promise<CliRun> => {
    const run = await world.installation.cli(words);
    expect({ words, code: run.code, errors: run.code === 0 ? '' : run.stderr }).toEqual({ words, code: 0, errors: '' });
    return run;
  };
  const api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    world.installation.api(method, path, { ...(body !== undefined && { body }), ...(headers && { headers }) });
  const place = (service: string) => `/environments/${ENVIRONMENT}/services/${service}`;

  /** The value in use, learned as everybody learns it, and looked for from then on. */
  const learn = async (service: string, name: string): Promise<string> => {
    const { stdout } = await cli('secret', 'get', service, '--ttl', '1s', '--format', 'json');
    return world.secrets.add(name, (JSON.parse(stdout) as { password: string }).password);
  };
  const rotationWith = (rotationId: string, step: string) =>
    eventually(async () => {
      const { body } = await api('GET', `/rotations/${rotationId}`);
      expect((body?.steps as { name: string }[]).map(({ name }) => name)).toContain(step);
    }, 30_000);

  describe('go through', () => {
    it('import, list, show, plan and status', async () => {
      await cli(...world.importWords(shop, 'shop'));
      await cli('service', 'list');
      await cli('service', 'show', 'shop', '--format', 'json');
      await cli('rotation', 'plan', 'shop', '--format', 'yaml');
      await cli('rotation', 'status', '--verbose');
    });

    it('the check-out, piped, as JSON, and asked for again', async () => {
      expect((await cli('secret', 'get', 'shop', '--ttl', '1s')).stdout).toBe(shop.current.password);
      expect(await learn('shop', 'password of shop')).toBe(shop.current.password);
      const ask = () => api('POST', `${place('shop')}/check-outs`, { ttl: '30s' }, { 'idempotency-key': 'once' });
      const first = await ask();
      expect(await ask()).toEqual(first);
      expect((await api('DELETE', `/check-outs/${String(first.body?.id)}`)).status).toBe(200);
    });

    it('a rotation', async () => {
      await cli('rotation', 'rotate', 'shop', '--reason', 'to see what it lets out');
      const value = await learn('shop', 'first generated value');
      expect(await world.target.accepts({ username: shop.slots[1], password: value }, shop.database)).toBe(true);
      expect(await world.target.accepts(shop.current, shop.database)).toBe(false);
    });

    it('a rollback', async () => {
      const held = await api('POST', `${place('shop')}/check-outs`, { ttl: '1h' });
      const rotation = await api('POST', `${place('shop')}/rotations`, {});
      await rotationWith(String(rotation.body?.id), 'publish');
      await learn('shop', 'value that is rolled back');
      await cli('rotation', 'rollback', 'shop', '--reason', 'to see what it lets out', '--yes');
      expect((await api('DELETE', `/check-outs/${String(held.body?.id)}`)).status).toBe(200);
    });

    it('a rotation that fails, and goes back by itself', async () => {
      const failing = await world.makeShop('failing');
      const query = `select 1 / (session_user <> '${failing.slots[1]}')::int`;
      const credential = {
        strategy: 'two-key',
        consumers: 'managed',
        slots: failing.slots,
        owner: failing.owner,
        verification: { query },
      };
      expect((await world.addShop(failing, 'failing', { credential })).status).toBe(201);
      const run = await world.installation.cli(['rotation', 'rotate', 'failing']);
      expect({ code: run.code, stdout: run.stdout }).toEqual({
        code: 5,
        stdout: expect.stringMatching(/rolled back/i),
      });
      expect(await world.target.accepts(failing.current, failing.database)).toBe(true);
    });

    it('a login that dsops fills itself', async () => {
      const fresh = await world.makeShop('fresh');
      await world.target.sql(`alter role ${fresh.slots[0]} nologin password null`);
      const { current: _taken, ...request } = world.requestFor(fresh, 'fresh');
      expect((await api('POST', '/services', request)).status).toBe(201);
      await cli('rotation', 'rotate', 'fresh');
      await learn('fresh', 'first value of fresh');
    });

    it('API keys', async () => {
      const { stdout } = await cli('keys', 'create', 'reader', '--role', 'viewer');
      const key = world.secrets.add('API key of the reader', stdout.trim());
      expect((await world.installation.api('GET', '/services', { key })).status).toBe(200);
      const body = { name: 'twice', role: 'viewer' };
      const made = await api('POST', '/api-keys', body, { 'idempotency-key': 'one-key' });
      world.secrets.add('API key that was asked for twice', String(made.body?.key));
      await api('POST', '/api-keys', body, { 'idempotency-key': 'one-key' });
      await cli('keys', 'list', '--format', 'json');
      await cli('keys', 'revoke', String(made.body?.id), '--yes');
    });

    it('everything that tells about them', async () => {
      const client = await world.installation.superuser();
      await client.query(
        `insert into delivery.deliveries (consumer, topic, body) values ('notification', 'rotation-events', '{"no": "event"}')`,
      );
      await client.end();
      const letter = await eventually(async () => {
        const { items } = (await api('GET', '/dead-letters')).body as { items: { owner: string; id: string }[] };
        expect(items).toHaveLength(1);
        return `${items[0]?.owner}/${items[0]?.id}`;
      }, 30_000);
      await cli('deadletters', 'list');
      await cli('deadletters', 'show', letter);
      await world.installation.cli(['deadletters', 'replay', letter]);
      await cli('rotation', 'history', '--format', 'json');
      await cli('inbox', 'list', '--format', 'json');
      await cli('inbox', 'clear', '--yes');
      await cli('audit', 'list', '--format', 'json');
      await cli('restore', 'status');
      await world.installation.cli(['doctor']);
      for (const path of ['/openapi.json', '/system', '/installation', '/rotations', '/status'])
        expect((await api('GET', path)).status).toBe(200);
    });

    it('a place where somebody wrote one', async () => {
      const leak = world.secrets.plant(PLANTED);
      await cli('secret', 'get', 'shop', '--ttl', '1s', '--purpose', leak);
      await eventually(
        async () => expect((await api('GET', '/audit?limit=200')).text).toContain(JSON.stringify(leak)),
        30_000,
      );
      await cli('audit', 'list', '--format', 'json', '--limit', '200');
    });

    it('removal', async () => {
      await cli('service', 'remove', 'shop', '--yes');
    });
  });

  describe('stay inside', () => {
    let leaks: Leak[];
    let unplanned: Leak[];
    let searched: string[];

    beforeAll(async () => {
      const { installation, target, secrets } = world;
      const rows = await rowsOf(installation);
      const metrics: Exhibit[] = [{ where: 'metrics', bytes: await installation.metrics() }];
      const passingFiles = [...filesOf(installation.home, { isRunning: true })];
      searched = passingFiles.map(({ where }) => where);
      following.abort();
      await installation.stop();
      const logs = target
        .logFiles()
        .map((file): Exhibit => ({ where: 'log of the target', bytes: readFileSync(file) }));
      leaks = [outputOf(installation), metrics, rows, logs, passingFiles, filesOf(installation.home)].flatMap(
        (evidence) => secrets.search(evidence),
      );
      unplanned = leaks.filter(({ secret }) => secret !== PLANTED);
    });

    it('of what is looked for', () => {
      expect(world.secrets.secrets).toEqual(
        expect.arrayContaining([
          'admin password of shop',
          'first generated value',
          'value that is rolled back',
          'sealing key',
          'API key of the reader',
        ]),
      );
    });

    it.each([
      ['the screen and the log', /^(screen|log)$/],
      ['answers and their headers', /answer /],
      ['what commands print', /of dsops /],
      ['arguments and environments of processes', /^(arguments|environment) /],
      ['rows and statements in the database', /^(row|statement) /],
      ['spans', /^span$/],
      ['metrics', /^metrics$/],
      ['files', /^file /],
      ['the log of the target', /^log of the target$/],
    ])('and out of %s', (_, places) => {
      expect(unplanned.filter(({ where }) => places.test(where))).toEqual([]);
    });

    it('among them the log file', () => {
      expect(searched).toContain('file logs/dsops.log');
    });

    it('and out of everything else', () => {
      expect(unplanned).toEqual([]);
    });

    it('but for a check-out, and a new API key, once', () => {
      const paths = waysOutIn(world.installation.answers).map(({ path }) => path.replace(/.*\//, ''));
      expect([...new Set(paths)].sort()).toEqual(['api-keys', 'check-outs']);
    });

    it.each([
      'answer 200 to GET /api/v1/audit',
      'answer 200 to GET /api/v1/events',
      'output of dsops audit list',
      'row of rotation.check_outs',
      'row of rotation.outbox',
      'row of audit.entries',
      'row of gateway.feed',
    ])('while what somebody wrote into a purpose is found in: %s', (where) => {
      expect(leaks).toContainEqual(expect.objectContaining({ secret: PLANTED, where }));
    });

    it('and is not repeated by what tells about it', () => {
      expect(world.secrets.search(leaks.map(({ where }) => ({ where: 'finding', bytes: where })))).toEqual([]);
    });

    it('and in the arguments and the files where it went too', () => {
      const found = leaks.filter(({ secret }) => secret === PLANTED).map(({ where }) => where);
      if (process.platform === 'linux') expect(found).toContainEqual('arguments of node main.js');
      expect(found).toContainEqual(expect.stringMatching(/^file data\/(base|pg_wal)\//));
    });
  });

  describe('are found', () => {
    const scan = new SecretScan();
    const secret = scan.plant('canary');

    it.each([
      ['as it is', `{"password":"${secret}"}`, 'plain'],
      ['in hex', Buffer.from(`x${secret}`).toString('hex'), 'hex'],
      ['in base64', Buffer.from(secret).toString('base64'), 'base64'],
      ['in base64 behind one byte', Buffer.from(`:${secret}, and more`).toString('base64'), 'base64'],
      ['in base64 behind two bytes', Buffer.from(`me${secret}\n`).toString('base64'), 'base64'],
      ['in base64url', Buffer.from(`Bearer ${secret} `).toString('base64url'), 'base64'],
      ['in JSON', JSON.stringify({ deep: [secret] }), 'JSON'],
      ['in JSON in JSON', JSON.stringify(JSON.stringify({ secret })), 'JSON in JSON'],
      ['in a URL', new URL(`http://me:${encodeURIComponent(secret)}@host`).href, 'URL'],
      ['in a statement', `alter role x password '${secret.replaceAll("'", "''")}'`, 'SQL'],
    ])('%s', (_, text, form) => {
      const [leak, ...others] = scan.search([{ where: 'here', bytes: `some noise before ${text} and after` }]);
      expect(leak).toEqual({ secret: 'canary', form, where: 'here' });
      expect(others).toEqual([]);
      expect(JSON.stringify(leak)).not.toContain(secret);
    });

    it('in the log of a program', async () => {
      const leaky = new Program('leaky', '-e', ['process.stdin.pipe(process.stderr)'], {
        env: {},
        stdin: JSON.stringify({ password: secret }),
      });
      await leaky.ended;
      expect(scan.search(writtenBy(leaky))).toEqual([{ secret: 'canary', form: 'JSON', where: 'log' }]);
    });

    it('nowhere, where they are not', () => {
      expect(
        scan.search([
          { where: 'here', bytes: secret.slice(0, -1) },
          { where: 'there', bytes: '' },
        ]),
      ).toEqual([]);
    });
  });
});
