import { describe, expect, it } from '@jest/globals';
import {
  addService,
  checkOut,
  clearRotation,
  getRotation,
  getStatus,
  listRotations,
  planRotation,
  rollBack,
  startRotation,
} from '@dsops/contracts/rotation/api';
import { eventually } from '@dsops/testing';
import { aCheckOut, aPlan, aRotation, aService, aStatus, OLD_VERSION } from './builders.js';
import { NOW } from './command-line.js';
import { world } from './world.js';

const consumers = {
  sessions: [
    { login: 'payments_a', address: '10.0.0.7', application: 'billing', since: '2026-11-20T08:00:00.000Z' },
    { login: 'payments_a', address: '10.0.0.7', application: 'billing', since: '2026-11-21T08:00:00.000Z' },
    { login: 'payments_a', address: null, application: null, since: null },
  ],
  lookedAt: NOW.toISOString(),
  quietSince: null,
  blindSpots: ['a session that begins and ends between two looks'],
};
const SEEN = [
  'payments_a  billing  from 10.0.0.7, 2 sessions, since 2026-11-20 08:00:00 UTC',
  'payments_a  without a name  from an address that is not shown',
  'not seen: a session that begins and ends between two looks',
];
const waitsFor = { reason: 'Waiting for a word that nobody uses payments_a any more.', until: NOW.toISOString() };
const held = { version: OLD_VERSION, login: 'payments_a', consumers, checkOuts: [], seen: 'digest' };
const waiting = aRotation({ state: 'verifying', endedAt: null, wakeAt: null, waitsFor, held });

describe('dsops rotation clear', () => {
  const w = world();
  const cleared = { ...waiting, held: null, waitsFor: null, state: 'completed' as const, endedAt: NOW.toISOString() };
  const isCleared = () => {
    w.server.on(listRotations, () => ({ items: [waiting], next: null }));
    w.server.on(clearRotation, () => cleared);
  };

  it('shows who uses the old value and what cannot be seen, and asks before it says that it may end', async () => {
    isCleared();
    const command = w.desk.start('rotation clear payments-db --no-wait', { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain(`May ${OLD_VERSION} of payments_a end? (y/N): `));
    for (const line of SEEN) expect(command.stderr).toContain(line);
    expect(w.server.requestsOf(clearRotation)).toEqual([]);
    command.type('y\n');
    await eventually(() => expect(command.stderr).toContain('Reason, for the audit log: '));
    command.type('billing is redeployed\n');
    expect(await command.ended).toMatchObject({ code: 0 });
    expect(w.server.requestsOf(clearRotation)[0]).toMatchObject({
      params: { environment: 'production', service: 'payments-db' },
      body: { reason: 'billing is redeployed', seen: 'digest', overrideCheckOuts: false },
    });
  });

  it('says nothing after a no', async () => {
    isCleared();
    const command = w.desk.start('rotation clear payments-db --reason x', { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('end? (y/N): '));
    command.type('n\n');
    expect((await command.ended).stderr).toContain('it stays valid');
    expect(w.server.requestsOf(clearRotation)).toEqual([]);
  });

  it('wants a yes and a reason where nobody can be asked, and takes them, for check-outs too', async () => {
    isCleared();
    expect(await w.desk.run('rotation clear payments-db --yes')).toMatchObject({ code: 2 });
    expect(await w.desk.run('rotation clear payments-db --reason x')).toMatchObject({ code: 2 });
    const line = 'rotation clear payments-db --yes --reason "is gone" --override-check-outs --no-wait';
    expect(await w.desk.run(line)).toMatchObject({ code: 0 });
    expect(w.server.requestsOf(clearRotation)[0]?.body).toMatchObject({ overrideCheckOuts: true });
  });

  it('says where to look when nothing waits for a word', async () => {
    const { code, stderr } = await w.desk.run('rotation clear payments-db --yes --reason x');
    expect(code).not.toBe(0);
    expect(stderr).toContain('dsops rotation status payments-db');
  });
});

describe('who uses a value that waits to end', () => {
  const w = world();

  it('is named by status, show and plan, with what cannot be seen', async () => {
    w.server.on(getStatus, () => ({
      items: [aStatus({ status: 'rotating', waits_for: { ...waitsFor, consumers } })],
      next: null,
    }));
    w.server.on(listRotations, () => ({ items: [waiting], next: null }));
    w.server.on(getRotation, () => waiting);
    w.server.on(planRotation, () => aPlan({ blastRadius: { checkOuts: 0, sessions: 3, consumers } }));
    const rotationOf = w.desk.run('rotation show payments-db');
    for (const { stdout } of [
      await w.desk.run('rotation status'),
      await rotationOf,
      await w.desk.run('rotation plan payments-db'),
    ])
      for (const line of SEEN) expect(stdout).toContain(line);
  });
});

describe('in place, where somebody may use the value whom dsops does not see', () => {
  const w = world();
  const unmanaged = () => {
    const { credential } = aService();
    w.services = [aService({ credential: { ...credential, strategy: 'immediate', consumers: 'unmanaged' } })];
    w.server.on(startRotation, () => aRotation());
    w.server.on(planRotation, () => aPlan({ isBreaking: true, blastRadius: { checkOuts: 0, sessions: 3, consumers } }));
  };

  it('rotate shows who loses it, and asks', async () => {
    unmanaged();
    const command = w.desk.start('rotation rotate payments-db --no-wait', { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('Rotate all the same? (y/N): '));
    expect(command.stderr).toContain(SEEN[0]);
    command.type('y\n');
    expect(await command.ended).toMatchObject({ code: 0 });
    expect(w.server.requestsOf(startRotation)[0]?.body).toMatchObject({ acceptsBreaking: true });
  });

  it('rotate wants --yes where nobody can be asked', async () => {
    unmanaged();
    expect(await w.desk.run('rotation rotate payments-db --no-wait')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect(w.server.requestsOf(startRotation)).toEqual([]);
    expect(await w.desk.run('rotation rotate payments-db --no-wait --yes')).toMatchObject({ code: 0 });
    expect(w.server.requestsOf(startRotation)[0]?.body).toMatchObject({ acceptsBreaking: true });
  });

  it('rotate asks nothing of a managed credential', async () => {
    unmanaged();
    const { credential } = aService();
    w.services = [aService({ credential: { ...credential, strategy: 'immediate', consumers: 'managed' } })];
    expect(await w.desk.run('rotation rotate payments-db --no-wait')).toMatchObject({ code: 0 });
    expect(w.server.requestsOf(startRotation)[0]?.body).toMatchObject({ acceptsBreaking: false });
  });
});

describe('who holds a value', () => {
  const w = world();

  it('is told how long that keeps it valid', async () => {
    w.server.on(checkOut, () => aCheckOut({ isHeld: true }));
    expect((await w.desk.run('secret get payments-db --format json')).stderr).toContain('so long it stays valid');
    w.server.on(checkOut, () => aCheckOut({ isHeld: false }));
    const { stderr } = await w.desk.run('secret get payments-db --format json');
    expect(stderr).toContain('valid until the next rotation');
    expect(stderr).not.toContain('so long it stays valid');
  });

  it('is named by the plan of a rollback', async () => {
    const running = { ...waiting, held: null, newVersionCheckOuts: ['01JD00000000000000000000C1'] };
    w.server.on(listRotations, () => ({ items: [running], next: null }));
    const { stdout } = await w.desk.run('rotation rollback payments-db --reason x --dry-run');
    expect(stdout).toMatch(/Check-outs:?\s+01JD00000000000000000000C1: .* stays valid until they are over/);
    expect(w.server.requestsOf(rollBack)).toEqual([]);
  });
});

describe('a service', () => {
  const w = world();

  it('is imported as unmanaged unless something else is said', async () => {
    w.server.on(addService, () => aService());
    const file = await w.desk.file('password.txt', 'canary');
    const line =
      `service add payments-db --env production --host db --database payments --admin-user dsops_admin ` +
      `--admin-password-file ${file} --slot app`;
    await w.desk.run(line);
    await w.desk.run(`${line} --consumers managed`);
    await w.desk.run(`${line} --retire-when-quiet-for 24h --max-grace 2d`);
    expect(
      w.server.requestsOf(addService).map(({ body }) => (body as { credential: unknown }).credential),
    ).toMatchObject([
      { consumers: 'unmanaged' },
      { consumers: 'managed' },
      { consumers: 'unmanaged', maxGrace: '2d', retire: { whenQuietFor: '24h' } },
    ]);
  });

  it('shows what its old values wait for', async () => {
    const { credential } = aService();
    const retire = { whenQuietFor: '24h' };
    w.services = [aService({ credential: { ...credential, consumers: 'unmanaged', retire } })];
    const { stdout } = await w.desk.run('service show payments-db');
    expect(stdout).toContain('unmanaged: somebody may use it whom dsops does not see');
    expect(stdout).toContain('or nobody was seen with it for 24h');
  });
});
