import { describe, expect, it } from '@jest/globals';
import { getRotation, listRotations, planRotation, startRotation } from '@dsops/contracts/rotation/api';
import { DomainError } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import { aPlan, aRotation, aService, NEW_VERSION, OLD_VERSION, ROTATION_ID, steps } from './builders.js';
import { NOW } from './command-line.js';
import { LivingRotation, world } from './world.js';

const done = { state: 'completed' as const, endedAt: NOW.toISOString(), steps };

describe('dsops rotation rotate', () => {
  const w = world();

  it('shows each step as it happens, and what came of it', async () => {
    const rotation = new LivingRotation(w.server, { steps: steps.slice(0, 1) });
    w.server.on(startRotation, () => rotation.view);
    const command = w.desk.start('rotation rotate payments-db --reason "routine work"');
    await eventually(() => expect(command.stderr).toContain('✓ plan'));
    expect(command.stderr).not.toContain('probe new');
    rotation.change({ steps: steps.slice(0, 3) });
    await eventually(() => expect(command.stderr).toContain('✓ probe new            accepted          12 ms'));
    rotation.change(done);
    const { code, stdout, stderr } = await command.ended;
    expect(code).toBe(0);
    expect(stdout).toBe(
      '✓ payments-db (rotated at 2026-11-21 14:30:00)\n' +
        `  version ${NEW_VERSION} is CURRENT, took 4.2 s\n` +
        `  version ${OLD_VERSION} is refused by the target\n`,
    );
    // Each step once, although it was looked at often.
    expect(stderr.match(/✓ set/g)).toHaveLength(1);
    expect(w.server.requestsOf(startRotation)[0]).toMatchObject({
      params: { environment: 'production', service: 'payments-db' },
      body: { onConflict: 'reject', reason: 'routine work' },
    });
  });

  it('needs no event stream', async () => {
    w.server.hasStream = false;
    const rotation = new LivingRotation(w.server);
    w.server.on(startRotation, () => rotation.view);
    const command = w.desk.start('rotation rotate payments-db');
    await eventually(() => expect(w.server.requestsOf(getRotation).length).toBeGreaterThan(1));
    rotation.view = { ...rotation.view, ...done };
    expect(await command.ended).toMatchObject({ code: 0 });
  });

  it('goes on after a restart of the server, and resumes the events where they stopped', async () => {
    const rotation = new LivingRotation(w.server);
    w.server.on(startRotation, () => rotation.view);
    const command = w.desk.start('rotation rotate payments-db');
    await eventually(() => expect(w.server.openStreams).toBe(1));
    rotation.change({ steps: steps.slice(0, 1) });
    await eventually(() => expect(command.stderr).toContain('✓ plan'));
    const { port } = new URL(w.server.url);
    await w.server.stop();
    await eventually(() => expect(command.stderr).toContain('dsops does not answer; trying again'));
    rotation.change(done);
    await w.server.start(Number(port));
    expect(await command.ended).toMatchObject({ code: 0 });
    expect(command.stderr).toContain('✓ probe old');
  });

  it('goes on when something before the server answers in its place', async () => {
    const rotation = new LivingRotation(w.server);
    w.server.on(startRotation, () => rotation.view);
    let failures = 2;
    w.server.on(getRotation, () => {
      if (failures-- > 0) throw new DomainError('service_unavailable', 'unavailable', 'The service does not answer.');
      return { ...rotation.view, ...done };
    });
    expect(await w.desk.run('rotation rotate payments-db')).toMatchObject({ code: 0 });
  });

  it('tells machines on standard output, and people beside it, what went wrong', async () => {
    const error = { code: 'x', message: 'It went wrong.', remedy: null, about: null };
    const rotation = new LivingRotation(w.server, { state: 'failed', error });
    w.server.on(startRotation, () => rotation.view);
    const { code, stdout, stderr } = await w.desk.run('rotation rotate payments-db --format json');
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'failed' });
    expect(stderr).toContain('✗ payments-db: failed: It went wrong.');
  });

  it('is left running by Ctrl-C, which says how to follow it again', async () => {
    const rotation = new LivingRotation(w.server);
    w.server.on(startRotation, () => rotation.view);
    const command = w.desk.start('rotation rotate payments-db');
    await eventually(() => expect(w.server.requestsOf(getRotation).length).toBeGreaterThan(0));
    command.interrupt();
    const { code, stderr } = await command.ended;
    expect(code).toBe(130);
    expect(stderr).toContain(
      `The rotation goes on without this window. To follow it again:\n  dsops rotation show ${ROTATION_ID} --watch\n`,
    );
    expect(stderr).not.toContain('Error');
  });

  it('returns at once with --no-wait, and gives machines the rotation', async () => {
    w.server.on(startRotation, () => aRotation({ state: 'pending', endedAt: null }));
    const { code, stdout, stderr } = await w.desk.run('rotation rotate payments-db --no-wait --format json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: ROTATION_ID, state: 'pending' });
    expect(stderr).toContain(`dsops rotation show ${ROTATION_ID} --watch`);
  });

  it('does not wait through a grace period unless asked', async () => {
    const wakeAt = new Date(NOW.getTime() + 3_600_000).toISOString();
    const rotation = new LivingRotation(w.server, { wakeAt, steps: steps.slice(0, 3) });
    w.server.on(startRotation, () => rotation.view);
    const { code, stdout } = await w.desk.run('rotation rotate payments-db');
    expect(code).toBe(0);
    expect(stdout).toContain(
      `version ${NEW_VERSION} is out, and the rotation now waits\n  it goes on by itself in 1 hr`,
    );

    const patient = w.desk.start('rotation rotate payments-db --watch');
    await eventually(() => expect(patient.stderr).toContain('✓ probe new'));
    rotation.change(done);
    expect((await patient.ended).stdout).toContain('✓ payments-db (rotated at');
  });

  it('says what it waits for, and how to have it sooner', async () => {
    const rotation = new LivingRotation(w.server, {
      // It looks again soon, which does not mean that it goes on soon.
      wakeAt: new Date(NOW.getTime() + 10_000).toISOString(),
      waitsFor: {
        reason: 'Waiting for a check-out of the old value (01JD0000000000000000000007).',
        until: new Date(NOW.getTime() + 3_600_000).toISOString(),
      },
      steps: steps.slice(0, 3),
    });
    w.server.on(startRotation, () => rotation.view);
    const { code, stdout, stderr } = await w.desk.run('rotation rotate payments-db');
    expect(code).toBe(0);
    expect(stdout).toContain('for a check-out of the old value (01JD0000000000000000000007)\n');
    expect(stdout).toContain('it goes on by itself in 1 hr at the latest\n');
    expect(stderr).toContain('… Waiting for a check-out of the old value');
    expect(stderr).toContain('dsops secret release');
    expect((await w.desk.run(`rotation show ${ROTATION_ID}`)).stdout).toMatch(
      /Waits: +for a check-out of the old value \(01JD0000000000000000000007\), until 2026-11-21 15:30:00 UTC/,
    );
  });

  it.each([
    ['rolled_back', 'verification_failed', 5, 'rolled back: It went wrong.', null],
    ['failed', 'target_unreachable', 3, 'failed: It went wrong.', 'target'],
    ['needs_operator', 'unknown_state', 5, 'needs an operator: It went wrong.', null],
  ] as const)('that ends %s with %s has exit code %d', async (state, code, exitCode, words, about) => {
    const error = { code, message: 'It went wrong.', remedy: 'Mend it.', about };
    const rotation = new LivingRotation(w.server, { state, error, known: { [OLD_VERSION]: 'accepted' } });
    w.server.on(startRotation, () => rotation.view);
    const ended = await w.desk.run('rotation rotate payments-db');
    expect(ended.code).toBe(exitCode);
    expect(ended.stdout).toContain(words);
    expect(ended.stdout).toContain(`target: ${OLD_VERSION} accepted`);
    expect(ended.stderr).toContain('→ Mend it.');
  });

  it('names the services there are when it does not know one: exit code 4', async () => {
    const { code, stderr } = await w.desk.run('rotation rotate payment-db');
    expect(code).toBe(4);
    expect(stderr).toBe('Error: There is no service payment-db in production.\n→ There are: payments-db.\n');
  });

  it('takes the environment from --env, before the service, or from DSOPS_ENV', async () => {
    w.server.on(startRotation, () => aRotation());
    for (const [line, env] of [
      ['rotation rotate payments-db --env staging --no-wait', {}],
      ['rotation rotate staging/payments-db --no-wait', {}],
      ['rotation rotate --service payments-db --no-wait', { DSOPS_ENV: 'staging' }],
    ] as const) {
      const { code, stderr } = await w.desk.run(line, { env });
      expect([code, stderr]).toEqual([4, 'Error: There is no environment staging.\n→ There are: production.\n']);
    }
  });
});

describe('a service among many', () => {
  const w = world();
  const many = () => {
    w.services = ['production', 'staging'].flatMap((environment) =>
      ['a-db', 'payments-db', 'z-db'].map((name) => aService({ environment, name })),
    );
  };
  const asked = () => w.server.seen.map(({ operation }) => operation);

  it('is looked up alone', async () => {
    many();
    w.server.on(startRotation, () => aRotation());
    expect(await w.desk.run('rotation rotate staging/payments-db --no-wait')).toMatchObject({ code: 0 });
    expect(asked()).toEqual(['getService', 'startRotation']);
    expect(w.server.requestsOf(startRotation)[0]?.params).toEqual({ environment: 'staging', service: 'payments-db' });
  });

  it('needs no environment where there is only one', async () => {
    w.services = [aService({ environment: 'staging' }), aService({ environment: 'staging', name: 'z-db' })];
    w.server.on(startRotation, () => aRotation());
    expect(await w.desk.run('rotation rotate payments-db --no-wait')).toMatchObject({ code: 0 });
    expect(asked()).toEqual(['listEnvironments', 'getService', 'startRotation']);
  });

  it.each([
    ['payments-db', 2, 'No environment is named.', 'Add --env with one of: production, staging; or set DSOPS_ENV.'],
    ['--env staging', 2, 'No service is named.', 'Name one of: a-db, payments-db, z-db.'],
    ['production/b-db', 4, 'There is no service b-db in production.', 'There are: a-db, payments-db, z-db.'],
    ['--env here nobody', 4, 'There is no environment here.', 'There are: production, staging.'],
    [
      '--env staging ../x',
      2,
      'Two environments are named, one before the service and one with --env.',
      'Name one of them.',
    ],
    ['--env staging "a b"', 4, 'There is no service of this name in staging.', 'There are: a-db, payments-db, z-db.'],
  ])('is not found by %s', async (words, code, message, remedy) => {
    many();
    const ended = await w.desk.run(`rotation rotate ${words}`);
    expect([ended.code, ended.stderr]).toEqual([code, `Error: ${message}\n→ ${remedy}\n`]);
  });

  it('is told to be elsewhere', async () => {
    w.services = [aService(), aService({ environment: 'staging', name: 'z-db' })];
    const { code, stderr } = await w.desk.run('rotation rotate z-db --env production');
    expect([code, stderr]).toEqual([
      4,
      'Error: There is no service z-db in production.\n→ There is one in staging: add --env staging.\n',
    ]);
  });
});

describe('a rotation that runs already', () => {
  const w = world();
  const running = aRotation({ state: 'verifying', endedAt: null, steps: steps.slice(0, 2) });
  const conflict = new DomainError('rotation_running', 'conflict', 'A rotation of payments-db is running.', {
    remedy: 'Wait for it, or give --on-conflict queue.',
  });

  const isBusy = () => {
    w.server.on(listRotations, () => ({ items: [running], next: null }));
    w.server.on(startRotation, ({ body }) => {
      if (body.onConflict === 'reject') throw conflict;
      return aRotation({ id: '01JD0000000000000000000099', state: 'pending', endedAt: null });
    });
    w.server.on(getRotation, () => aRotation());
  };

  it('refuses another without a terminal: exit code 5', async () => {
    isBusy();
    const { code, stderr } = await w.desk.run('rotation rotate payments-db');
    expect(code).toBe(5);
    expect(stderr).toBe('Error: A rotation of payments-db is running.\n→ Wait for it, or give --on-conflict queue.\n');
  });

  it.each([
    ['skip', 0, '○ payments-db: skipped, rotation 01JD0000000000000000000003 is running'],
    ['fail', 5, ''],
    ['reject', 5, ''],
    ['queue', 0, 'Started: rotation 01JD0000000000000000000099'],
    ['rollback', 0, 'Started: rotation 01JD0000000000000000000099'],
  ])('is met with --on-conflict %s: exit code %d', async (word, exitCode, words) => {
    isBusy();
    const { code, stdout } = await w.desk.run(`rotation rotate payments-db --no-wait --on-conflict ${word}`);
    expect(code).toBe(exitCode);
    expect(stdout).toContain(words);
    const sent = w.server.requestsOf(startRotation).map(({ body }) => (body as { onConflict: string }).onConflict);
    expect(sent).toEqual([{ rollback: 'replace', queue: 'queue' }[word] ?? 'reject']);
  });

  it('is shown to a person, who decides', async () => {
    isBusy();
    const command = w.desk.start('rotation rotate payments-db --no-wait', { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('Wait for it, queue behind it, or abort? (w/q/A): '));
    expect(command.stderr).toContain('01JD0000000000000000000003');
    expect(command.stderr).toContain('Just now by admin');
    command.type('q\n');
    expect((await command.ended).code).toBe(0);
    expect(w.server.requestsOf(startRotation)).toHaveLength(2);
    const keys = w.server.requestsOf(startRotation).map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(keys).size).toBe(2);
  });

  it('can be waited for', async () => {
    isBusy();
    let isFree = false;
    w.server.on(startRotation, () => {
      if (!isFree) throw conflict;
      return aRotation();
    });
    const command = w.desk.start('rotation rotate payments-db', { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('abort?'));
    isFree = true;
    command.type('w\n');
    expect((await command.ended).code).toBe(0);
  });

  it('is left alone when the person aborts', async () => {
    isBusy();
    const command = w.desk.start('rotation rotate payments-db', { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('abort?'));
    command.type('\n');
    expect((await command.ended).stderr).toContain('Nothing was started.');
    expect(w.server.requestsOf(startRotation)).toHaveLength(1);
  });

  it('is not asked about when the conflict is a plan that has drifted', async () => {
    isBusy();
    w.server.on(startRotation, () => {
      throw new DomainError('plan_drifted', 'conflict', 'The plan has drifted.');
    });
    const { code, stderr } = await w.desk.run('rotation rotate payments-db --plan abc', { isTerminal: true });
    expect(code).toBe(5);
    expect(stderr).toContain('The plan has drifted.');
  });
});

describe('dsops rotation plan', () => {
  const w = world();

  it('shows steps, findings and who would notice', async () => {
    w.server.on(planRotation, () => aPlan());
    const { code, stdout } = await w.desk.run('rotation plan payments-db');
    expect(code).toBe(0);
    expect(stdout).toContain('Blast Radius:      2 check-outs, 1 open session');
    expect(stdout).toContain('  1. set                  give payments_b a new password');
    expect(stdout).toContain('  ! connection limit     only 2 of 10 connections are free\n    → Raise the limit.');
    expect(stdout).toContain('--plan abc123');
  });

  it('ends with exit code 6 when it cannot be applied', async () => {
    w.server.on(planRotation, () => aPlan({ canApply: false }));
    const { code, stdout } = await w.desk.run('rotation plan payments-db --strategy two_key');
    expect(code).toBe(6);
    expect(stdout).toContain('This plan cannot be applied');
    expect(w.server.requestsOf(planRotation)[0]?.body).toEqual({ strategy: 'two-key' });
  });

  it('is what rotate --dry-run shows', async () => {
    w.server.on(planRotation, () => aPlan());
    const { code, stdout } = await w.desk.run('rotation rotate payments-db --dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('Rotation Plan');
    expect(stdout).toContain('[DRY RUN] No changes made. Remove --dry-run to execute.');
    expect(w.server.requestsOf(startRotation)).toEqual([]);
  });
});
