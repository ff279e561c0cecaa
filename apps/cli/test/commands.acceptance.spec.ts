import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { listAudit, listAuditOf, verifyAudit } from '@dsops/contracts/audit/api';
import {
  createApiKey,
  dropDeadLetter,
  getDeadLetter,
  getFindings,
  getSystem,
  listApiKeys,
  listDeadLetters,
  replayDeadLetter,
  revokeApiKey,
} from '@dsops/contracts/gateway/api';
import { clearInbox, listNotifications, markAllRead, readNotification } from '@dsops/contracts/notification/api';
import {
  addService,
  checkOut,
  confirmRestore,
  getInstallation,
  getService,
  getStatus,
  listServices,
  releaseCheckOut,
  removeService,
  setAdministrator,
} from '@dsops/contracts/rotation/api';
import { eventually } from '@dsops/testing';
import { aChain, aCheckOut, aDeadLetter, aKey, anAuditEntry, aNotification, aService, aStatus } from './builders.js';
import { world } from './world.js';

describe('dsops service', () => {
  const w = world();
  const target = '--env production --host db.example.com --database payments --admin-user dsops_admin';

  it('adds a service with the password from a file', async () => {
    w.server.on(addService, () => aService({ versions: [] }));
    const file = await w.desk.file('admin.txt', 'canary admin\n');
    const line = `service add payments-db ${target} --slot payments_a --slot payments_b --owner payments`;
    const { code, stdout, stderr } = await w.desk.run(`${line} --admin-password-file ${file} --port 6432`);
    expect(code).toBe(0);
    expect(stdout).toContain('✓ payments-db in production was added');
    expect(stdout + stderr).not.toContain('canary');
    expect(w.server.requestsOf(addService)[0]?.body).toMatchObject({
      name: 'payments-db',
      environment: 'production',
      target: { host: 'db.example.com', port: 6432, database: 'payments' },
      admin: { username: 'dsops_admin', password: 'canary admin' },
      credential: { name: 'login', strategy: 'two-key', slots: ['payments_a', 'payments_b'], owner: 'payments' },
    });
  });

  it('accepts differences of the logins, whose names may have commas', async () => {
    w.server.on(addService, () => aService({ versions: [] }));
    const file = await w.desk.file('admin.txt', 'canary admin');
    const line = `service add payments-db ${target} --slot a --slot b --owner payments --admin-password-file ${file}`;
    const accepted = ['policy:mine,yours', 'setting:search_path'];
    const { code } = await w.desk.run([line, ...accepted.map((name) => `--accept-difference ${name}`)].join(' '));
    expect(code).toBe(0);
    expect(w.server.requestsOf(addService)[0]?.body).toMatchObject({
      credential: { slots: ['a', 'b'], acceptedDifferences: accepted },
    });
  });

  it('imports the login in use, with its password from standard input', async () => {
    w.server.on(addService, () => aService());
    const file = await w.desk.file('admin.txt', 'canary admin');
    const line = `service import payments-db ${target} --slot app --admin-password-file ${file} --password-stdin`;
    const { code, stdout } = await w.desk.run(line, { stdin: 'canary current\r\n' });
    expect(code).toBe(0);
    expect(stdout).toContain('was imported; its login was tried and not changed');
    expect(w.server.requestsOf(addService)[0]?.body).toMatchObject({
      credential: { strategy: 'immediate', slots: ['app'] },
      current: { username: 'app', password: 'canary current' },
    });
  });

  it('asks for a password at a terminal without showing it', async () => {
    w.server.on(addService, () => aService());
    const command = w.desk.start(`service add payments-db ${target} --slot app`, { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('Password of dsops_admin: '));
    command.type('canary typed\r');
    expect((await command.ended).code).toBe(0);
    expect(w.server.requestsOf(addService)[0]?.body).toMatchObject({ admin: { password: 'canary typed' } });
    expect(command.stdout + command.stderr).not.toContain('canary');
  });

  it('does nothing after Ctrl-C at the question', async () => {
    const command = w.desk.start(`service add payments-db ${target} --slot app`, { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('Password of dsops_admin: '));
    command.type('canary\x03');
    expect((await command.ended).code).toBe(130);
    expect(command.stderr).toContain('Interrupted; nothing was done.');
    expect(command.stderr).not.toContain('canary');
    expect(w.server.requestsOf(addService)).toEqual([]);
  });

  it.each([
    ['--slot app', /The password of dsops_admin is missing/],
    ['--slot app --admin-password-file /nowhere', /--admin-password-file does not exist/],
    ['--admin-password-stdin', /--slot is missing/],
    ['--slot app --admin-password=canary', /--admin-password is not taken/],
    ['--slot app --admin-password canary', /--admin-password is not taken/],
  ])('refuses %s: exit code 2', async (rest, message) => {
    const { code, stdout, stderr } = await w.desk.run(`service add payments-db ${target} ${rest}`);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stdout + stderr).not.toContain('canary');
    expect(w.server.requestsOf(addService)).toEqual([]);
  });

  it('refuses a password of several lines, which is some other file', async () => {
    const file = await w.desk.file('wrong.txt', 'canary\ncanary\n');
    const { code, stderr } = await w.desk.run(`service add x ${target} --slot a --admin-password-file ${file}`);
    expect([code, stderr]).toEqual([2, expect.stringContaining('does not look like a password')]);
    expect(stderr).not.toContain('canary');
  });

  it('gives the administrator anew, and says who still has the password of before', async () => {
    w.server.on(listServices, () => ({ items: [aService()], next: null }));
    w.server.on(getService, () => aService());
    w.server.on(setAdministrator, () => ({
      username: 'dsops_admin',
      services: [{ environment: 'production', service: 'payments-db' }],
      others: [{ environment: 'production', service: 'orders-db' }],
      findings: [],
    }));
    const line = 'service admin set payments-db --env production --password-stdin';
    const { code, stdout, stderr } = await w.desk.run(line, { stdin: 'canary admin\n' });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/production\/orders-db .* add --for-all/)]);
    expect(stdout).toContain('The target took dsops_admin; it administers production/payments-db from now on');
    expect(stdout + stderr).not.toContain('canary');
    expect(w.server.requestsOf(setAdministrator)[0]?.body).toEqual({ password: 'canary admin', forAll: false });
  });

  it('sends the text of an authority, and the slots as they were written', async () => {
    const file = await w.desk.file('admin.txt', 'canary');
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    const ca = await w.desk.file('ca.pem', pem);
    w.server.on(addService, () => aService());
    const line = `service add payments-db ${target} --slot a,b --ssl-root-cert ${ca} --admin-password-file ${file}`;
    expect(await w.desk.run(line)).toMatchObject({ code: 0 });
    expect(w.server.requestsOf(addService)[0]?.body).toMatchObject({
      target: { ca: pem },
      credential: { slots: ['a,b'] },
    });
  });

  it.each([
    ['--slot app --ssl-root-cert /nowhere', 2, /--ssl-root-cert cannot be read \(ENOENT\)/],
    ['--slot " app"', 6, /credential\.slots\.0: .*blank/],
  ])('refuses %s before anything is sent', async (rest, expected, message) => {
    const file = await w.desk.file('admin.txt', 'canary');
    const { code, stderr } = await w.desk.run(
      `service add payments-db ${target} ${rest} --admin-password-file ${file}`,
    );
    expect([code, stderr]).toEqual([expected, expect.stringMatching(message)]);
    expect(w.server.requestsOf(addService)).toEqual([]);
  });

  it('repeats nothing of a URL that was given as the host', async () => {
    const file = await w.desk.file('admin.txt', 'canary');
    const { code, stdout, stderr } = await w.desk.run(
      `service add x --env production --host postgres://u:canary@db/shop --database shop --admin-user u --slot a --admin-password-file ${file}`,
    );
    expect([code, stderr]).toEqual([6, expect.stringMatching(/target\.host: this is a URL/)]);
    expect(stdout + stderr).not.toContain('canary');
    expect(w.server.requestsOf(addService)).toEqual([]);
  });

  it('checks the rest by the contract before anything is sent: exit code 6', async () => {
    const file = await w.desk.file('admin.txt', 'canary');
    const line = `service add payments-db ${target} --slot app --port 99999 --admin-password-file ${file}`;
    const { code, stderr } = await w.desk.run(line);
    expect(code).toBe(6);
    expect(stderr).toMatch(/target\.port/);
  });

  it('lists and shows', async () => {
    expect((await w.desk.run('service list')).stdout).toMatch(/payments-db {2}production {3}postgresql/);
    expect((await w.desk.run('service show payments-db')).stdout).toMatch(/VERSION {17}LOGIN {7}LABEL/);
    expect(JSON.parse((await w.desk.run('service list --format json')).stdout)).toEqual([aService()]);
    w.services = [];
    expect((await w.desk.run('service list')).stdout).toBe('No services yet.\n');
  });

  it('lists all of them, however many pages that takes', async () => {
    w.services = Array.from({ length: 5 }, (_, nth) => aService({ name: `s${nth}` }));
    expect((await w.desk.run('service list')).stdout.match(/^s\d /gm)).toHaveLength(5);
    expect(w.server.seen).toHaveLength(3);
  });

  it('removes after its name was typed, or with --yes', async () => {
    w.server.on(removeService, () => ({ removed: true as const }));
    expect(await w.desk.run('service remove payments-db')).toMatchObject({ code: 2 });
    const command = w.desk.start('service remove payments-db', { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('Type the name of the service to remove it: '));
    command.type('another\n');
    expect((await command.ended).stderr).toContain('Nothing was removed.');
    expect(w.server.requestsOf(removeService)).toEqual([]);
    expect((await w.desk.run('service rm payments-db --yes')).stdout).toBe('✓ payments-db in production was removed\n');
  });
});

describe('dsops secret get', () => {
  const w = world();

  it('writes the password and nothing else into a pipe', async () => {
    w.server.on(checkOut, () => aCheckOut());
    const line = 'secret get payments-db --ttl 5m --purpose "nightly backup"';
    expect(await w.desk.run(line)).toEqual({ code: 0, stdout: 'canary-password', stderr: '' });
    expect(w.server.requestsOf(checkOut)[0]?.body).toEqual({ ttl: '5m', purpose: 'nightly backup' });
  });

  it('gives machines all of it', async () => {
    w.server.on(checkOut, () => aCheckOut());
    const { stdout } = await w.desk.run('secret get payments-db --format json');
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual([
      'user',
      'password',
      'host',
      'port',
      'database',
      'sslMode',
      'version',
    ]);
  });

  it.each(['', '--format json', '--format yaml'])('is refused on a terminal without --reveal %s', async (format) => {
    const { code, stdout } = await w.desk.run(`secret get payments-db ${format}`, { isStdoutTerminal: true });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    // And nothing was checked out.
    expect(w.server.seen).toEqual([]);
  });

  it('shows it on a terminal with --reveal', async () => {
    w.server.on(checkOut, () => aCheckOut());
    const { stdout, stderr } = await w.desk.run('secret get payments-db --reveal', { isTerminal: true });
    expect(stdout).toContain('canary-password');
    expect(stderr).toContain('Checked out until 2026-11-21 15:30:00 UTC');
    expect(stderr).toContain(`dsops secret release ${aCheckOut().id}`);
  });

  it('is released by its id', async () => {
    w.server.on(releaseCheckOut, () => ({ released: true as const }));
    expect(await w.desk.run(`secret release ${aCheckOut().id}`)).toMatchObject({
      code: 0,
      stdout: '✓ Released: a rotation does not wait for it any more.\n',
    });
    expect(w.server.requestsOf(releaseCheckOut)[0]?.params).toEqual({ checkOutId: aCheckOut().id });
  });
});

describe('dsops inbox', () => {
  const w = world();

  it('lists, reads and clears', async () => {
    w.server.on(listNotifications, () => ({
      items: [aNotification({ body: 'It is in use.\nIt took 4 s.' })],
      next: null,
    }));
    w.server.on(readNotification, () => aNotification({ readAt: '2026-11-21T14:30:00.000Z' }));
    w.server.on(markAllRead, () => ({ read: 3 }));
    w.server.on(clearInbox, () => ({ cleared: 4 }));
    const { stdout } = await w.desk.run('inbox');
    expect(stdout).toMatch(/● {2}5 min ago {2}Rotation of payments-db completed/);
    expect(stdout).toContain('\n   It is in use.\n   It took 4 s.\n');
    expect(await w.desk.run('inbox list --unread')).toMatchObject({ code: 0 });
    expect(w.server.requestsOf(listNotifications).map(({ query }) => query)).toEqual([
      { limit: 20 },
      { limit: 20, unread: true },
    ]);
    expect((await w.desk.run(`inbox read ${aNotification().id}`)).stdout).toBe('✓ Rotation of payments-db completed\n');
    expect((await w.desk.run('inbox read-all')).stdout).toBe('✓ 3 marked as read\n');
    expect(await w.desk.run('inbox clear')).toMatchObject({ code: 2 });
    expect((await w.desk.run('inbox clear -y')).stdout).toBe('✓ 4 cleared\n');
  });

  it('shows what to type next for each step that it knows', async () => {
    const nextSteps = ['follow', 'see_steps', 'see_target', 'try_again', 'of_a_later_release', 'resume'];
    w.server.on(listNotifications, () => ({ items: [aNotification({ body: 'It waits.', nextSteps })], next: null }));
    const { entity } = aNotification();
    expect((await w.desk.run('inbox')).stdout).toContain(
      [
        '\n   It waits.',
        `Follow it: dsops rotation show ${entity.id} --watch`,
        `See each step: dsops rotation show ${entity.id}`,
        'See what the target accepts: dsops rotation status production/payments-db --verbose',
        'Try again: dsops rotation rotate production/payments-db',
        `When the cause is gone: dsops rotation resume ${entity.id}\n`,
      ].join('\n   '),
    );
  });

  it('names no command that needs a place when there is none', async () => {
    const told = aNotification({ place: null, nextSteps: ['try_again', 'see_steps'] });
    w.server.on(listNotifications, () => ({ items: [told], next: null }));
    const { stdout } = await w.desk.run('inbox');
    expect(stdout).toContain('See each step:');
    expect(stdout).not.toContain('Try again');
  });

  it('says so when it is empty', async () => {
    w.server.on(listNotifications, () => ({ items: [], next: null }));
    expect((await w.desk.run('inbox')).stdout).toBe('Your inbox is empty.\n');
    expect((await w.desk.run('inbox -u --format json')).stdout).toBe('[]\n');
  });
});

describe('dsops audit', () => {
  const w = world();

  it('lists all, or the history of one entity', async () => {
    w.server.on(listAudit, () => ({ items: [anAuditEntry()], next: null }));
    w.server.on(listAuditOf, () => ({ items: [anAuditEntry()], next: null }));
    const { stdout } = await w.desk.run('audit list --actor admin --since 2026-11-21');
    expect(stdout).toContain('7  2026-11-21 14:25:00  admin (api key)  rotation.rotation.completed  rotation/r1');
    expect(w.server.requestsOf(listAudit)[0]?.query).toEqual({
      actor: 'admin',
      since: '2026-11-21T00:00:00.000Z',
      limit: 50,
    });
    await w.desk.run('audit list --entity service/s1');
    expect(w.server.requestsOf(listAuditOf)[0]?.params).toEqual({ kind: 'service', entityId: 's1' });
  });

  it('verifies the chain: exit code 6 when it is broken', async () => {
    w.server.on(verifyAudit, () => aChain());
    expect(await w.desk.run('audit verify')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('✓ 12 entries, unbroken; head abc\n'),
    });
    w.server.on(verifyAudit, () => aChain({ firstBroken: 5 }));
    expect(await w.desk.run('audit verify')).toMatchObject({ code: 6 });
  });
});

describe('dsops deadletters', () => {
  const w = world();
  const letter = aDeadLetter();

  it('lists, shows and replays', async () => {
    w.server.on(listDeadLetters, () => ({ items: [letter], next: null }));
    w.server.on(getDeadLetter, () => ({ ...letter, event: { data: 1 } }));
    w.server.on(replayDeadLetter, () => ({ ...letter, status: 'replayed' as const }));
    expect((await w.desk.run('deadletters list --owner notification')).stdout).toContain(`notification/${letter.id}`);
    expect((await w.desk.run(`deadletters show notification/${letter.id}`)).stdout).toContain('"data": 1');
    const replayed = await w.desk.run(`dead-letters replay notification ${letter.id}`);
    expect(replayed).toMatchObject({ code: 0, stdout: expect.stringContaining('✓ Replayed') });
    w.server.on(replayDeadLetter, () => letter);
    expect(await w.desk.run(`deadletters replay notification/${letter.id}`)).toMatchObject({ code: 1 });
    expect(await w.desk.run('deadletters show nothing')).toMatchObject({ code: 2 });
  });

  it('replays all that fit, the oldest first, and tells which are still open', async () => {
    const older = { ...letter, id: '01JD000000000000000000000A' };
    w.server.on(listDeadLetters, () => ({ items: [letter, older], next: null }));
    w.server.on(replayDeadLetter, ({ params }) =>
      (params as { letterId: string }).letterId === older.id ? { ...older, status: 'replayed' as const } : letter,
    );
    const run = await w.desk.run('deadletters replay --owner notification --type some.type');
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('1 of 2 are still open') });
    expect(w.server.requestsOf(listDeadLetters).at(-1)?.query).toMatchObject({
      owner: 'notification',
      type: 'some.type',
      status: 'open',
    });
    const tried = w.server.requestsOf(replayDeadLetter).slice(-2);
    expect(tried).toMatchObject([{ params: { letterId: older.id } }, { params: { letterId: letter.id } }]);
  });

  it('gives one up with a reason and a yes, and none without', async () => {
    w.server.on(dropDeadLetter, () => ({ ...letter, status: 'dropped' as const, note: 'ada: broken' }));
    const one = `deadletters drop notification/${letter.id}`;
    expect(await w.desk.run(`${one} --yes`)).toMatchObject({ code: 2, stderr: expect.stringContaining('--reason') });
    expect(await w.desk.run(`${one} --reason broken`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect(await w.desk.run('deadletters drop --reason broken --yes')).toMatchObject({ code: 2 });
    expect(w.server.requestsOf(dropDeadLetter)).toEqual([]);
    expect(await w.desk.run(`${one} --reason broken --yes`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('✓ Dropped'),
    });
    expect(w.server.requestsOf(dropDeadLetter)[0]?.body).toEqual({ reason: 'broken' });
  });
});

describe('dsops keys', () => {
  const w = world();

  it('shows a new key once, or writes it to a file of its own', async () => {
    w.server.on(createApiKey, () => ({ ...aKey(), key: 'canary-key' }));
    expect(await w.desk.run('keys create ci --role operator')).toMatchObject({ code: 0, stdout: 'canary-key\n' });
    expect(w.server.requestsOf(createApiKey)[0]?.body).toEqual({ name: 'ci', role: 'operator', inbox: false });
    const file = join(w.desk.folder, 'ci.key');
    const { stdout, stderr } = await w.desk.run(`keys create ci --out ${file}`);
    expect(stdout + stderr).not.toContain('canary');
    expect(await readFile(file, 'utf8')).toBe('canary-key\n');
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
    // Nothing is written over, and no key is made that nobody could read.
    expect(await w.desk.run(`keys create ci --out ${file}`)).toMatchObject({ code: 2 });
    expect(w.server.requestsOf(createApiKey)).toHaveLength(2);
    await w.desk.run('keys create ada --role admin --inbox');
    expect(w.server.requestsOf(createApiKey)[2]?.body).toEqual({ name: 'ada', role: 'admin', inbox: true });
  });

  it('lists keys and revokes one by its name', async () => {
    w.server.on(listApiKeys, () => ({
      items: [aKey(), aKey({ id: '01JD0000000000000000000011', name: 'old', revokedAt: '2026-11-01T00:00:00.000Z' })],
      next: null,
    }));
    w.server.on(revokeApiKey, () => ({ revoked: true as const }));
    expect((await w.desk.run('keys list')).stdout).toMatch(/ci {4}operator .* valid/);
    expect(await w.desk.run('keys revoke old --yes')).toMatchObject({ code: 4 });
    expect((await w.desk.run('keys revoke ci --yes')).stdout).toBe('✓ ci is refused from now on\n');
    expect(w.server.requestsOf(revokeApiKey)[0]?.params).toEqual({ keyId: aKey().id });
  });
});

describe('dsops restore', () => {
  const w = world();

  it('tells the mode and confirms with a reason', async () => {
    w.server.on(getInstallation, () => ({
      mode: 'restored' as const,
      since: '2026-11-21T14:00:00.000Z',
      reason: 'An older database.',
    }));
    w.server.on(confirmRestore, () => ({ mode: 'normal' as const }));
    expect((await w.desk.run('restore status')).stdout).toContain('! Restored since 2026-11-21 14:00:00 UTC');
    expect(await w.desk.run('restore confirm --reason x')).toMatchObject({ code: 2 });
    expect(w.server.requestsOf(confirmRestore)).toEqual([]);
    const line = 'restore confirm --former-installation-is-off --reason "the old machine is gone"';
    expect(await w.desk.run(line)).toMatchObject({ code: 0 });
    expect(w.server.requestsOf(confirmRestore)[0]?.body).toEqual({
      formerInstallationIsOff: true,
      reason: 'the old machine is gone',
    });
  });
});

describe('dsops doctor', () => {
  const w = world();

  const isWell = () =>
    w.server
      .on(getSystem, () => ({
        version: '0.1.0',
        apiVersion: 1,
        oldestClient: '0.1.0',
        startedAt: '2026-11-21T14:00:00.000Z',
      }))
      .on(getFindings, () => ({ findings: [] }))
      .on(getInstallation, () => ({ mode: 'normal' as const, since: null, reason: null }))
      .on(getStatus, () => ({ items: [aStatus()], next: null }))
      .on(verifyAudit, () => aChain())
      .on(listDeadLetters, () => ({ items: [], next: null }));

  it('looks at everything, and says that all is well', async () => {
    isWell();
    const { code, stdout } = await w.desk.run('doctor');
    expect(code).toBe(0);
    expect(stdout.match(/✓/g)).toHaveLength(8);
    expect(stdout).toContain('All is well.');
  });

  it('says once what every service finds with the database, and ends with 1', async () => {
    isWell();
    w.server.on(getFindings, () => ({
      findings: (['rotation', 'audit'] as const).map((service) => ({
        service,
        check: 'database',
        level: 'error' as const,
        code: 'database_full',
        message: 'The disk of the database of dsops is full.',
        remedy: 'Make room.',
      })),
    }));
    const { code, stdout } = await w.desk.run('doctor');
    expect(code).toBe(1);
    expect(stdout.match(/The disk of the database of dsops is full/g)).toHaveLength(1);
    expect(stdout).toContain('Make room.');
  });

  it('names what is wrong and what to do: exit code 1', async () => {
    isWell();
    w.server.on(getStatus, () => ({ items: [aStatus({ status: 'needs_operator' })], next: null }));
    const { code, stdout } = await w.desk.run('doctor');
    expect(code).toBe(1);
    expect(stdout).toContain(
      '✗ services             need attention: payments-db (needs_operator)\n    → See dsops rotation status -v.',
    );
  });

  it('stops where nothing more can be known', async () => {
    const { code, stdout } = await w.desk.run('doctor --url http://127.0.0.1:9');
    expect(code).toBe(1);
    expect(stdout).toContain('✗ server');
    expect(stdout).not.toContain('services');
  });
});
