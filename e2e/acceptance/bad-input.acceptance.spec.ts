import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@dsops/testing';
import { BadInputWorld, ENVIRONMENT, expectProblem, expectRefusal } from './bad-input-world.js';
import { filesOf, outputOf, rowsOf } from './evidence.js';
import type { Reply } from '../harness/installation.js';
import type { CliRun } from './installation-under-test.js';
import type { Shop } from '../harness/target.js';
import { TROUBLES, type Trouble } from './target-troubles.js';

/** Names what cannot work and nobody meant; each is told in one sentence what to do, and leaves everything as it was. */
describe('bad input', () => {
  let world: BadInputWorld;
  /** A service with which nothing is wrong. */
  let shop: Shop;

  beforeAll(async () => {
    world = await BadInputWorld.start();
    shop = await addedShop('shop');
    // One target never answers: the time in which it does not is used for the others.
    void meet(TROUBLES.find(({ label }) => label === 'hanging')!);
  });

  afterAll(() => world?.close());

  const cli = (...words: string[]) => world.installation.cli(words);

  /** A shop that dsops looks after, its login imported. */
  const addedShop = async (label: string): Promise<Shop> => {
    const made = await world.makeShop(label);
    expect(await world.addShop(made)).toMatchObject({ status: 201 });
    return made;
  };

  interface Met {
    readonly before: unknown;
    readonly after: unknown;
    readonly imported: Reply;
    readonly rotated: CliRun;
    readonly status: Reply;
  }
  const met = new Map<string, Promise<Met>>();
  const meet = (trouble: Trouble): Promise<Met> => {
    const meeting = met.get(trouble.label) ?? bringAndAsk(trouble);
    met.set(trouble.label, meeting);
    meeting.catch(() => undefined); // seen by the test that waits for it
    return meeting;
  };
  const bringAndAsk = async ({ label, bring }: Trouble): Promise<Met> => {
    const troubled = await addedShop(label);
    await bring(world, troubled);
    const before = await world.stateOf(troubled);
    const [imported, rotated] = await Promise.all([
      world.addShop(troubled, `${label}-again`),
      cli('rotation', 'rotate', label),
    ]);
    const status = await world.installation.api('GET', `/status?service=${label}`);
    return { before, imported, rotated, status, after: await world.stateOf(troubled) };
  };

  /** Does something that must be refused, and shows that nothing came of it. */
  const unchanged = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    const before = await world.stateOf(shop);
    const answer = await ask();
    expect(await world.stateOf(shop)).toEqual(before);
    expect(before.isCurrentAccepted).toBe(true);
    return answer;
  };

  describe.each(TROUBLES)('$title', (trouble) => {
    const { check, told } = trouble;

    it('is found before anything is stored or changed', async () => {
      const { imported, before, after } = await meet(trouble);
      expectProblem(imported, { status: 422, code: 'target_not_ready', ...told });
      expect(imported.body?.errors).toContainEqual({ path: check, message: expect.stringMatching(told.sentence) });
      expect(after).toEqual(before);
    });

    it('is found before a rotation begins, and status says what the target accepts', async () => {
      const { rotated, status } = await meet(trouble);
      expectRefusal(rotated, { exit: 3, code: 'target_not_ready', ...told });
      const [{ current_version: current, target }] = (
        status.body as unknown as { items: [{ current_version: string; target: unknown }] }
      ).items;
      expect(target).toEqual({ [current]: 'accepted' });
    });
  });

  describe('a name that nobody knows', () => {
    it.each([
      ['a service', ['rotation', 'rotate', 'shoop'], /^There is no service shoop in test\.$/, /^There are: .*shop/],
      [
        'an environment',
        ['rotation', 'rotate', 'shop', '--env', 'prod'],
        /^There is no environment prod\.$/,
        /^There are: test\.$/,
      ],
      ['a value', ['secret', 'get', 'shoop'], /^There is no service shoop in test\.$/, /^There are: /],
    ])('of %s', async (_, words, sentence, remedy) => {
      const run = await unchanged(() => cli(...words));
      expectRefusal(run, { exit: 4, code: 'service_unknown', sentence, remedy });
    });

    it('of a service, in the API', async () => {
      for (const [method, path, body] of [
        ['GET', 'services/shoop', undefined],
        ['DELETE', 'services/shoop', undefined],
        ['POST', 'services/shoop/rotations', {}],
        ['POST', 'services/shoop/check-outs', {}],
      ] as const)
        expectProblem(
          await unchanged(() => world.installation.api(method, `/environments/${ENVIRONMENT}/${path}`, { body })),
          {
            status: 404,
            code: 'service_unknown',
            sentence: /^There is no service shoop in test\.$/,
            remedy: /dsops service list/,
          },
        );
    });

    it('of a rotation', async () => {
      const run = await unchanged(() => cli('rotation', 'show', '01JD0000000000000000000000'));
      expectRefusal(run, {
        exit: 4,
        code: 'rotation_unknown',
        sentence: /^There is no rotation 01JD0000000000000000000000\.$/,
        remedy: /dsops rotation history/,
      });
    });
  });

  describe('a body', () => {
    const add = (body: unknown) => unchanged(() => world.installation.api('POST', '/services', { body }));
    const request = () => world.requestFor(shop, 'shop-2');

    it('with fields that are not known is refused, each by its name', async () => {
      const { admin, ...rest } = request();
      const reply = await add({
        ...rest,
        admin: { ...admin, pasword: world.secrets.plant('misspelt field') },
        colour: 'red',
      });
      expectProblem(reply, {
        status: 400,
        code: 'request_invalid',
        sentence: /^admin\.pasword: is not a known field$/,
        remedy: /^There are 2 faults; see "errors"\.$/,
      });
      expect(reply.body?.errors).toEqual([
        { path: 'admin.pasword', message: 'is not a known field' },
        { path: 'colour', message: 'is not a known field' },
      ]);
    });

    it('with fields missing is refused, each by its name', async () => {
      const reply = await add({ name: 'shop-2', environment: ENVIRONMENT, type: 'postgresql', credential: {} });
      expectProblem(reply, { status: 400, code: 'request_invalid', sentence: /^target: /, remedy: /see "errors"/ });
      expect((reply.body?.errors as { path: string }[]).map(({ path }) => path)).toEqual([
        'target',
        'admin',
        'credential.strategy',
        'credential.slots',
      ]);
    });

    it.each([{}, { type: 'oracle' }])(
      'of a kind that nobody knows is refused with those there are: %j',
      async (type) => {
        expectProblem(await add({ name: 'shop-2', environment: ENVIRONMENT, ...type }), {
          status: 400,
          code: 'request_invalid',
          sentence: /^type: must be one of: mariadb, postgresql$/,
          remedy: /Correct it/,
        });
      },
    );

    it.each([
      ['that is not JSON', '{"admin": {"password": "SECRET"', /^The body is not valid JSON\.$/],
      ['that is a secret and nothing else', 'SECRET', /^The body is not valid JSON\.$/],
    ])('%s is refused without being repeated', async (_, text, sentence) => {
      const secret = world.secrets.plant('secret in a broken body');
      expectProblem(await add(text.replace('SECRET', secret)), {
        status: 400,
        code: 'body_not_json',
        sentence,
        remedy: /^Send application\/json\.$/,
      });
    });

    it('of 10 MB is refused', async () => {
      const reply = await add({ ...request(), name: 'x'.repeat(10 * 1024 * 1024) });
      expectProblem(reply, {
        status: 413,
        code: 'body_too_large',
        sentence: /^The body is larger than 1 MB\.$/,
        remedy: /^Send less\.$/,
      });
    });

    it('with a role that is the administrator itself is refused', async () => {
      const run = await unchanged(() =>
        cli(
          ...world.importWords({ ...shop, slots: [shop.admin.username, shop.slots[1]], current: shop.admin }, 'shop-2'),
        ),
      );
      expectRefusal(run, {
        exit: 6,
        code: 'request_invalid',
        sentence: /^credential\.slots: the login that administers the target is never rotated/,
        remedy: /^Correct it and send it again\.$/,
      });
    });

    it('with a wrong password of the login in use is refused', async () => {
      const wrong = { ...shop.current, password: world.secrets.plant('wrong password of shop') };
      const run = await unchanged(() => cli(...world.importWords({ ...shop, current: wrong }, 'shop-2')));
      expectRefusal(run, {
        exit: 3,
        code: 'current_refused',
        sentence: /^The target refuses shop_a with this password\./,
        remedy: /^Give the password that the login has now\. Nothing was stored\.$/,
      });
    });

    it('with a name that is taken is refused', async () => {
      const run = await unchanged(() => cli(...world.importWords(shop, 'shop')));
      expectRefusal(run, {
        exit: 5,
        code: 'service_exists',
        sentence: /^There is a service shop in test already\.$/,
        remedy: /^Choose another name, or look at it with: dsops service show shop --env test$/,
      });
    });
  });

  describe('a key that is not ours', () => {
    const foreign = () =>
      world.secrets.add('foreign key', `dsops_01JD0000000000000000000000_${randomBytes(32).toString('base64url')}`);

    it('is refused by the API, whatever is asked', async () => {
      for (const [method, path] of [
        ['GET', '/services'],
        ['POST', '/services'],
        ['DELETE', `/environments/${ENVIRONMENT}/services/shop`],
      ] as const)
        expectProblem(await unchanged(() => world.installation.api(method, path, { key: foreign() })), {
          status: 401,
          code: 'key_unknown',
          sentence: /^This API key is not one of this installation\.$/,
          remedy: /^Check where the key comes from/,
        });
    });

    it('is refused by the command line', async () => {
      const env = { DSOPS_API_KEY_FILE: world.secretFile('foreign-key', foreign()) };
      const run = await unchanged(() => world.installation.cli(['rotation', 'rotate', 'shop'], { env }));
      expectRefusal(run, {
        exit: 2,
        code: 'key_unknown',
        sentence: /^This API key is not one of this installation\.$/,
        remedy: /^Check where the key comes from/,
      });
    });

    it('is no key at all', async () => {
      const env = { DSOPS_API_KEY_FILE: world.secretFile('no-key', 'two words') };
      const run = await unchanged(() => world.installation.cli(['rotation', 'rotate', 'shop'], { env }));
      expectRefusal(run, {
        exit: 2,
        code: undefined,
        sentence: /no-key\.secret does not hold an API key\.$/,
        remedy: /^It should hold one line/,
      });
    });

    it('was ours until it was revoked', async () => {
      const made = await world.installation.api('POST', '/api-keys', { body: { name: 'gone', role: 'admin' } });
      const { id, key } = made.body as { id: string; key: string };
      world.secrets.add('revoked key', key);
      expect(await world.installation.api('DELETE', `/api-keys/${id}`)).toMatchObject({ status: 200 });
      const env = { DSOPS_API_KEY_FILE: world.secretFile('revoked-key', key) };
      const run = await unchanged(() => world.installation.cli(['rotation', 'rotate', 'shop'], { env }));
      expectRefusal(run, {
        exit: 2,
        code: 'key_revoked',
        sentence: /^This API key was revoked\.$/,
        remedy: /^Ask an administrator/,
      });
    });
  });

  it('an old command line against a newer server is told to update', async () => {
    world.installation.recorder.pretend('cli/0.0.9');
    const run = await unchanged(() => cli('rotation', 'rotate', 'shop')).finally(() =>
      world.installation.recorder.pretend(undefined),
    );
    expectRefusal(run, {
      exit: 2,
      code: 'client_outdated',
      sentence: /^This dsops command \(0\.0\.9\) is too old for this server, which serves 0\.1\.0 and later\.$/,
      remedy: /^Update it: /,
    });
  });

  describe('a value given as an argument', () => {
    it.each([
      [
        'an admin password',
        (secret: string) => ['service', 'import', 'x', '--admin-password', secret],
        /^--admin-password is not taken: arguments can be seen/,
        /--admin-password-file FILE/,
      ],
      [
        'a password',
        (secret: string) => ['service', 'import', 'x', `--password=${secret}`],
        /^--password is not taken: /,
        /--password-file FILE/,
      ],
      [
        'a new value',
        (secret: string) => ['rotation', 'rotate', 'shop', '--new-value', `literal:${secret}`],
        /^A new value is never given as an argument/,
        /^Leave --new-value out\.$/,
      ],
      [
        'an address with a password',
        (secret: string) => ['--url', `http://me:${encodeURIComponent(secret)}@127.0.0.1:1`, 'rotation', 'status'],
        /^--url holds a user or a password\.$/,
        /DSOPS_API_KEY_FILE/,
      ],
      [
        'a word too many',
        (secret: string) => ['rotation', 'rotate', 'shop', secret],
        /^There are more words than this command takes\.$/,
        /--help/,
      ],
      [
        'a word that is no service',
        (secret: string) => ['secret', 'get', secret],
        /^There is no service of this name in test\.$/,
        /^There are: /,
      ],
    ])('%s is refused, and not repeated', async (_, wordsWith, sentence, remedy) => {
      const run = await unchanged(() => cli(...wordsWith(world.secrets.plant('typed value'))));
      expectRefusal(run, { exit: run.words[0] === 'secret' ? 4 : 2, code: undefined, sentence, remedy });
    });
  });

  it('a second rotation of the same credential is refused while the first goes on, which then completes', async () => {
    const busy = await addedShop('busy');
    const place = `/environments/${ENVIRONMENT}/services/busy`;
    // Somebody uses the value in use: the first rotation waits until it is given back.
    const held = await world.installation.api('POST', `${place}/check-outs`, { body: {} });
    const first = await world.installation.api('POST', `${place}/rotations`, { body: {} });
    const { id } = first.body as { id: string };
    await eventually(async () => expect(await stepsOf(id)).toContain('publish'), 30_000);
    const before = await world.stateOf(busy);

    expectRefusal(await cli('rotation', 'rotate', 'busy'), {
      exit: 5,
      code: 'rotation_open',
      sentence: new RegExp(`^Rotation ${id} of busy in test is [a-z_]+\\. Waiting for a check-out of the old value `),
      remedy: /^Wait for it, or choose --on-conflict queue or replace\.$/,
    });
    expect(await world.stateOf(busy)).toEqual(before);
    const status = await cli('rotation', 'status', 'busy', '--verbose');
    expect(status.stdout).toMatch(/Target: \S+ \(current\) accepted, \S+ accepted$/m);

    expect(await world.installation.api('DELETE', `/check-outs/${String(held.body?.id)}`)).toMatchObject({
      status: 200,
    });
    await eventually(async () => {
      const { items } = (await world.installation.api('GET', '/rotations?service=busy')).body as { items: unknown[] };
      expect(items).toEqual([expect.objectContaining({ id, state: 'completed' })]);
    }, 30_000);
    expect(await world.target.accepts(busy.current, busy.database)).toBe(false);
  });

  const stepsOf = async (rotationId: string): Promise<string[]> => {
    const { body } = await world.installation.api('GET', `/rotations/${rotationId}`);
    return (body?.steps as { name: string }[]).map(({ name }) => name);
  };

  it('none of it let a secret out', async () => {
    for (const trouble of TROUBLES) await meet(trouble);
    const { installation, secrets } = world;
    const rows = await rowsOf(installation);
    await installation.stop();
    const leaks = [outputOf(installation), rows, filesOf(installation.home)]
      .flatMap((evidence) => secrets.search(evidence))
      // Who types a secret into a command has shown it to the machine: that is why it is refused.
      .filter(({ secret, where }) => !(secret === 'typed value' && where.startsWith('arguments of ')));
    expect(leaks).toEqual([]);
  });
});
