import { describe, expect, it } from '@jest/globals';
import {
  getRotation,
  getStatus,
  listRotations,
  rollBack,
  resumeRotation,
  startRotation,
  type RollbackView,
  type RotationView,
} from '@dsops/contracts/rotation/api';
import { DomainError } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import { aRotation, aStatus, aStep, NEW_VERSION, OLD_VERSION, ROTATION_ID, steps } from './builders.js';
import { LivingRotation, world } from './world.js';

describe('dsops rotation rollback', () => {
  const w = world();
  const back = { state: 'rolled_back' as const, steps };
  const answer = (view: RotationView, cancelled: RollbackView['cancelled'] = []): RollbackView => ({
    ...view,
    cancelled,
  });
  const waiting = {
    state: 'verifying' as const,
    endedAt: null,
    waitsFor: { reason: 'Waiting for a check-out of the old value (x).', until: '2026-11-21T15:30:00.000Z' },
  };

  it('shows the plan and asks before it acts', async () => {
    const rotation = new LivingRotation(w.server, back);
    w.server.on(rollBack, () => answer(rotation.view));
    const command = w.desk.start('rotation rollback payments-db', { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('Reason, for the audit log: '));
    command.type('logins fail\n');
    await eventually(() => expect(command.stderr).toContain('Proceed with rollback? (y/N): '));
    expect(command.stdout).toContain('Rollback Plan');
    expect(command.stdout).toMatch(new RegExp(`Target Version:.*${OLD_VERSION}`));
    expect(w.server.requestsOf(rollBack)).toEqual([]);
    command.type('y\n');
    const { code, stdout } = await command.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('Rollback completed successfully');
    expect(stdout).toContain(`  Version:    ${OLD_VERSION}`);
    expect(w.server.requestsOf(rollBack)[0]?.body).toEqual({ reason: 'logins fail' });
  });

  it('does nothing after a no', async () => {
    const command = w.desk.start('rotation rollback payments-db --reason x', { isTerminal: true });
    await eventually(() => expect(command.stderr).toContain('Proceed with rollback?'));
    command.type('n\n');
    const { code, stderr } = await command.ended;
    expect(code).toBe(0);
    expect(stderr).toContain('Rollback cancelled');
  });

  it.each([
    ['rotation rollback payments-db --reason x', /--yes/],
    ['rotation rollback payments-db --yes', /--reason/],
  ])('is refused without a terminal: %s', async (line, remedy) => {
    const { code, stderr } = await w.desk.run(line);
    expect(code).toBe(2);
    expect(stderr).toMatch(remedy);
  });

  it('changes nothing with --dry-run', async () => {
    const { code, stdout } = await w.desk.run(
      'rotation rollback --service payments-db --env production --reason test --dry-run',
    );
    expect(code).toBe(0);
    expect(stdout).toContain('[DRY RUN] No changes made. Remove --dry-run to execute.');
  });

  it('goes to the version that is named, and is not asked with --force', async () => {
    const rotation = new LivingRotation(w.server, back);
    w.server.on(rollBack, () => answer(rotation.view));
    const line = `rotation rollback payments-db --reason x --version ${OLD_VERSION} --force`;
    expect(await w.desk.run(line)).toMatchObject({ code: 0 });
    expect(w.server.requestsOf(rollBack)[0]?.body).toEqual({ reason: 'x', version: OLD_VERSION });
    const unknown = await w.desk.run('rotation rollback payments-db --reason x --version 2020-01-01 --yes');
    expect(unknown.code).toBe(4);
  });

  it('turns a rotation that runs around, and says when it was too late', async () => {
    const running = aRotation({ state: 'verifying', endedAt: null });
    w.server.on(listRotations, () => ({ items: [running], next: null }));
    w.server.on(rollBack, () => answer({ ...running, state: 'rollback_in_progress' }));
    w.server.on(getRotation, () => aRotation({ state: 'rolled_back' }));
    const line = 'rotation rollback payments-db --reason x --yes';
    const turned = await w.desk.run(line);
    expect(turned).toMatchObject({ code: 0, stdout: expect.stringContaining(`  Version:    ${OLD_VERSION}`) });
    w.server.on(getRotation, () => aRotation());
    const late = await w.desk.run(line);
    expect(late).toMatchObject({ code: 5, stdout: expect.stringContaining('it was too late to roll back') });
  });

  it('follows a rotation that waited until it is back, and says so after it happened', async () => {
    const rotation = new LivingRotation(w.server, waiting);
    w.server.on(rollBack, () => answer(rotation.view));
    const command = w.desk.start('rotation rollback payments-db --reason x --yes');
    await eventually(() => expect(w.server.requestsOf(getRotation).length).toBeGreaterThan(1));
    expect(command.stdout).not.toContain(' is out');
    rotation.change({ state: 'rolled_back', waitsFor: null, endedAt: '2026-11-21T14:30:00.000Z' });
    const { code, stdout } = await command.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('Rollback completed successfully');
    expect(stdout).not.toContain(' is out');
  });

  it('says that it is not back yet where the way back has to wait', async () => {
    const rotation = new LivingRotation(w.server, { ...waiting, state: 'rollback_in_progress' });
    w.server.on(rollBack, () => answer(rotation.view));
    const { code, stdout } = await w.desk.run('rotation rollback payments-db --reason x --yes');
    expect(code).toBe(5);
    expect(stdout).toContain('payments-db: not back yet');
    expect(stdout).toContain('for a check-out of the old value (x)');
  });

  it('names what was queued and is cancelled', async () => {
    const rotation = new LivingRotation(w.server, back);
    const cancelled = { id: '01JD0000000000000000000009', requestedBy: rotation.view.requestedBy, reason: null };
    w.server.on(rollBack, () => answer(rotation.view, [cancelled]));
    const { stderr } = await w.desk.run('rotation rollback payments-db --reason x --yes');
    expect(stderr).toContain('cancelled: rotation 01JD0000000000000000000009, which admin had queued');
  });

  it('passes the refusal on, with its remedy', async () => {
    w.server.on(rollBack, () => {
      throw new DomainError('rollback_impossible', 'refused', 'The old login was retired.', {
        remedy: 'Rotate again.',
      });
    });
    const { code, stderr } = await w.desk.run('rotation rollback payments-db --reason x --yes');
    expect(code).toBe(5);
    expect(stderr).toContain('Error: The old login was retired.\n→ Rotate again.\n');
  });
});

describe('dsops rotation status', () => {
  const w = world();

  it('is a table for people and JSON by service for machines', async () => {
    w.server.on(getStatus, () => ({ items: [aStatus()], next: null }));
    expect((await w.desk.run('rotation status')).stdout).toMatch(/^SERVICE {6}STATUS.*\npayments-db {2}✅ Active/);
    expect(JSON.parse((await w.desk.run('rotation status --format json')).stdout)).toEqual({
      'payments-db': aStatus(),
    });
    expect((await w.desk.run('secrets status --format yaml')).stdout).toMatch(
      /^payments-db:\n {2}service_name: payments-db\n/,
    );
  });

  it('says which value the target accepts when one service is asked for', async () => {
    w.server.on(getStatus, () => ({ items: [aStatus()], next: null }));
    expect((await w.desk.run('rotation status payments-db')).stdout).toContain(
      `  └─ Target: ${NEW_VERSION} (current) accepted`,
    );
  });

  it('knows no other service: exit code 4', async () => {
    w.server.on(getStatus, () => ({ items: [], next: null }));
    expect(await w.desk.run('rotation status nothing')).toMatchObject({ code: 4 });
  });

  it('says what to do when there is none', async () => {
    w.server.on(getStatus, () => ({ items: [], next: null }));
    expect(await w.desk.run('rotation status')).toMatchObject({
      code: 0,
      stdout: 'No services yet.\n',
      stderr: '→ Add one: dsops service add --help shows how.\n',
    });
    expect((await w.desk.run('rotation status --format json')).stdout).toBe('{}\n');
  });

  it('is shown again with --watch when something happens, until Ctrl-C', async () => {
    let status = aStatus({ status: 'rotating' });
    w.server.on(getStatus, () => ({ items: [status], next: null }));
    const command = w.desk.start('rotation status --watch');
    await eventually(() => expect(command.stdout).toContain('🔄 Rotating'));
    await eventually(() => expect(w.server.openStreams).toBe(1));
    status = aStatus();
    w.server.emit('x', {});
    new LivingRotation(w.server).change({});
    await eventually(() => expect(command.stdout).toContain('✅ Active'));
    command.interrupt();
    expect((await command.ended).code).toBe(0);
  });
});

describe('dsops rotation history', () => {
  const w = world();

  it('passes its filters on, as instants', async () => {
    w.server.on(listRotations, () => ({ items: [aRotation()], next: null }));
    const line =
      'rotation history payments-db --since 7d --until 2026-11-21 --status SUCCESS --limit 5 --env production';
    const { code, stdout } = await w.desk.run(line);
    expect(code).toBe(0);
    expect(stdout).toContain('Showing 1 entry');
    expect(w.server.requestsOf(listRotations)[0]?.query).toEqual({
      service: 'payments-db',
      environment: 'production',
      since: '2026-11-14T14:30:00.000Z',
      until: '2026-11-21T23:59:59.999Z',
      state: 'completed',
      limit: 5,
    });
  });

  it('reads as many pages as the limit takes', async () => {
    const page = (n: number) => Array.from({ length: n }, () => aRotation());
    w.server.on(listRotations, ({ query }) => ({ items: page(query.limit), next: 'more' }));
    const { stdout } = await w.desk.run('rotation history --limit 450 --format json');
    expect(JSON.parse(stdout)).toMatchObject({ count: 450 });
    expect(w.server.requestsOf(listRotations).map(({ query }) => query)).toEqual([
      { limit: 200 },
      { limit: 200, cursor: 'more' },
      { limit: 50, cursor: 'more' },
    ]);
  });

  it('joins both ways of failing, newest first', async () => {
    const at = (startedAt: string, over = {}) => aRotation({ startedAt, state: 'failed', ...over });
    w.server.on(listRotations, ({ query }) => ({
      items:
        query.state === 'failed'
          ? [at('2026-11-21T12:00:00.000Z'), at('2026-11-21T10:00:00.000Z')]
          : [at('2026-11-21T11:00:00.000Z', { state: 'rollback_failed' })],
      next: null,
    }));
    const { stdout } = await w.desk.run('secrets history --status failed --limit 2 --format json');
    const { entries } = JSON.parse(stdout) as { entries: { timestamp: string }[] };
    expect(entries.map(({ timestamp }) => timestamp)).toEqual(['2026-11-21T12:00:00.000Z', '2026-11-21T11:00:00.000Z']);
  });

  it('says so when nothing matches', async () =>
    expect((await w.desk.run('rotation history')).stdout).toBe('No rotation history found matching criteria\n'));
});

describe('dsops rotation show, resume and watch', () => {
  const w = world();

  it('shows a rotation by id or by service', async () => {
    w.server.on(getRotation, () => aRotation({ steps }));
    w.server.on(listRotations, () => ({ items: [aRotation()], next: null }));
    const byId = await w.desk.run(`rotation show ${ROTATION_ID.toLowerCase()}`);
    expect(byId.stdout).toContain('✓ probe old refused    refused');
    expect((await w.desk.run('rotation show payments-db')).stdout).toBe(byId.stdout);
    expect(w.server.requestsOf(listRotations)[0]?.query).toEqual({ service: 'payments-db', limit: 1 });
  });

  it('resumes the rotation of a service that needs an operator', async () => {
    const stopped = aRotation({ state: 'needs_operator', endedAt: null });
    w.server.on(listRotations, () => ({ items: [stopped], next: null }));
    w.server.on(resumeRotation, () => ({ ...stopped, state: 'verifying' as const }));
    w.server.on(getRotation, () => aRotation());
    const { code, stdout } = await w.desk.run('rotation resume payments-db --reason "the server is back"');
    expect(code).toBe(0);
    expect(stdout).toContain('✓ payments-db');
    expect(w.server.requestsOf(resumeRotation)[0]).toMatchObject({
      params: { rotationId: ROTATION_ID },
      body: { reason: 'the server is back' },
    });
  });

  it('says so when there is nothing to resume', async () =>
    expect(await w.desk.run('rotation resume payments-db --reason x')).toMatchObject({ code: 5 }));

  it('watches everything live, resumes after a loss, and tells a gap', async () => {
    const command = w.desk.start('rotation watch');
    await eventually(() => expect(w.server.openStreams).toBe(1));
    const rotation = new LivingRotation(w.server);
    rotation.change({ steps });
    await eventually(() => expect(command.stdout).toContain('14:29:58  payments-db'));
    expect(command.stdout).toContain('✓ probe old');
    w.server.dropStreams();
    rotation.change({ steps: [aStep({ name: 'publish', outcome: 'done' })] });
    await eventually(() => expect(command.stdout).toContain('✓ publish'));
    w.server.emit('gap', { from: 5, to: 9 });
    await eventually(() => expect(command.stderr).toContain('events 5 to 9 are gone'));
    // Also behind events that this stream leaves out: the heartbeat tells the place.
    w.server.heartbeat(42);
    w.server.dropStreams();
    await eventually(() => expect(w.server.streamRequests).toHaveLength(3));
    expect(w.server.streamRequests.map(({ after }) => after)).toEqual([undefined, '1', '42']);
    expect(w.server.streamRequests[0]?.types).toBe('dsops.rotation.');
    command.interrupt();
    expect((await command.ended).code).toBe(0);
  });

  it('watches one service as lines of JSON', async () => {
    const command = w.desk.start('rotation watch shop-db --format json');
    await eventually(() => expect(w.server.openStreams).toBe(1));
    new LivingRotation(w.server).change({ steps });
    new LivingRotation(w.server, { service: 'shop-db' }).change({ steps });
    await eventually(() => expect(command.stdout).toContain('shop-db'));
    command.interrupt();
    await command.ended;
    expect(command.stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(command.stdout)).toMatchObject({ data: { service: 'shop-db' } });
  });
});

describe('dsops secrets rotate', () => {
  const w = world();

  it('speaks the older words', async () => {
    w.server.on(startRotation, () => aRotation());
    w.server.on(getRotation, () => aRotation());
    const { code, stdout } = await w.desk.run('secrets rotate --env production --key payments-db,missing');
    expect(code).toBe(4);
    expect(stdout).toBe(
      '✓ payments-db (rotated at 2026-11-21 14:29:59)\n' +
        '✗ missing: There is no service missing in production.\n' +
        '\nSummary:\n  Successfully processed: 1\n  Skipped: 0\n  Failed: 1\n',
    );
  });

  it('would rotate with --dry-run', async () =>
    expect((await w.desk.run('secrets rotate --env production --key payments-db --dry-run')).stdout).toContain(
      '✓ payments-db (would rotate - dry run)',
    ));
});
