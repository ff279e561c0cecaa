import { describe, expect, it } from '@jest/globals';
import pc from 'picocolors';
import type { ErrorSubject } from '@dsops/kernel';
import { aRotation, aService, aStatus, aStep, NEW_VERSION, OLD_VERSION } from '../../../test/builders.js';
import { historyJson, historyTable } from './history.js';
import { stepLine } from './rotation.js';
import { endOf, exitCodeOfRotation } from './end.js';
import { serviceTable } from '../../service/words.js';
import { statusJson, statusTable } from './status.js';
import { ago, shortDuration, until } from '../../output/time.js';

const paint = pc.createColors(false);
const now = new Date('2026-11-21T14:30:00.000Z');
const before = (ms: number) => new Date(now.getTime() - ms).toISOString();
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

describe('times', () => {
  it.each([
    [before(30_000), 'Just now'],
    [before(5 * minute), '5 min ago'],
    [before(3 * hour), '3 hr ago'],
    [before(day), '1 day ago'],
    [before(6 * day), '6 days ago'],
    [before(8 * day), '2026-11-13'],
    [null, 'Never'],
  ])('past: %s is %s', (instant, words) => expect(ago(instant, now)).toBe(words));

  it.each([
    [before(-20_000), 'in 1 min'],
    [before(-5 * minute), 'in 5 min'],
    [before(-3 * hour), 'in 3 hr'],
    [before(-2 * day), 'in 2 days'],
    [before(minute), 'overdue'],
    [null, 'Not scheduled'],
  ])('coming: %s is %s', (instant, words) => expect(until(instant, now)).toBe(words));

  it.each([
    [0, '-'],
    [850, '850ms'],
    [4_210, '4.2s'],
    [200_000, '3.3m'],
    [5_400_000, '1.5h'],
  ])('%d ms lasts %s', (ms, words) => expect(shortDuration(ms)).toBe(words));
});

describe('the status', () => {
  const items = [
    aStatus({ service_name: 'shop-db', status: 'never_rotated', last_rotation: null, last_result: null }),
    aStatus(),
    aStatus({
      service_name: 'billing-db',
      status: 'failed',
      last_result: 'failed',
      last_error: 'The target does not answer.',
      target: { [OLD_VERSION]: 'accepted' },
      current_version: OLD_VERSION,
    }),
  ];

  it('is a table in the order of names, with what is wrong below its service', () =>
    expect(statusTable(paint, items, { now, isVerbose: false })).toBe(
      [
        'SERVICE      STATUS            LAST ROTATION  NEXT ROTATION  RESULT',
        'billing-db   ❌ Failed         5 min ago      Not scheduled  ❌ Failed',
        '  └─ Error: The target does not answer.',
        `  └─ Target: ${OLD_VERSION} (current) accepted`,
        'payments-db  ✅ Active         5 min ago      Not scheduled  ✅ Success',
        'shop-db      ⚪ Never Rotated  Never          Not scheduled  -',
      ].join('\n'),
    ));

  it('is JSON by name of service', () =>
    expect(Object.keys(statusJson(items))).toEqual(['billing-db', 'payments-db', 'shop-db']));

  it('keeps services of one name apart by their environment', () =>
    expect(Object.keys(statusJson([aStatus(), aStatus({ environment: 'staging' })]))).toEqual([
      'production/payments-db',
      'staging/payments-db',
    ]));

  it('names the environment in the table only when there are several', () =>
    expect(statusTable(paint, [aStatus(), aStatus({ environment: 'staging' })], { now, isVerbose: false })).toContain(
      'staging/payments-db',
    ));
});

describe('the history', () => {
  const failed = aRotation({
    state: 'rollback_failed',
    durationMs: 0,
    error: {
      code: 'x',
      message: 'The target refused to restore the password, and it said so at length.',
      remedy: null,
      about: 'target',
    },
  });

  it('is a table with the older columns and words', () =>
    expect(historyTable(paint, [aRotation(), failed])).toBe(
      [
        'TIMESTAMP            SERVICE      TYPE   STATUS      DURATION  ERROR',
        '2026-11-21 14:29:55  payments-db  login  ✅ Success  4.2s',
        '2026-11-21 14:29:55  payments-db  login  ❌ Failed   -         The target refused to restore the password, and...',
        '',
        'Showing 2 entries',
      ].join('\n'),
    ));

  it('is JSON with the older keys', () =>
    expect(historyJson([aRotation({ reason: 'routine' })])).toEqual({
      count: 1,
      entries: [
        {
          timestamp: '2026-11-21T14:29:55.000Z',
          service_name: 'payments-db',
          credential_type: 'login',
          action: 'rotate',
          status: 'success',
          duration_ms: 4_200,
          user: 'admin',
          metadata: {
            rotation_id: aRotation().id,
            environment: 'production',
            strategy: 'two-key',
            state: 'completed',
            old_version: OLD_VERSION,
            new_version: NEW_VERSION,
            reason: 'routine',
          },
        },
      ],
    }));
});

describe('a step', () => {
  it.each([
    [aStep(), '✓'],
    [aStep({ outcome: 'refused' }), '✗'],
    [aStep({ name: 'check-path', outcome: 'refused' }), '✓'],
    [aStep({ name: 'probe-old', outcome: 'refused' }), '✗'],
    [aStep({ name: 'probe-old-refused', outcome: 'refused' }), '✓'],
    [aStep({ name: 'set', outcome: 'failed' }), '✗'],
    [aStep({ name: 'set', outcome: 'needs_operator' }), '!'],
    [aStep({ outcome: 'errored' }), '!'],
    [aStep({ outcome: 'skipped', note: 'not configured' }), '○'],
  ])('%j begins with %s', (step, mark) => expect(stepLine(paint, step).trim().slice(0, 1)).toBe(mark));

  it('is one line with its duration and note', () =>
    expect(stepLine(paint, aStep({ note: 'the target let it in' }))).toBe(
      '  ✓ probe new            accepted          12 ms  the target let it in',
    ));
});

it('cuts the note of a step where the terminal ends', () => {
  const step = aStep({ note: 'a sentence that is longer than the room behind the step' });
  expect(stepLine(paint, step, 80)).toHaveLength(80);
  expect(stepLine(paint, step, 80)).toMatch(/ms {2}a sentence that.*…$/);
  expect(stepLine(paint, step, 50)).toMatch(/ms$/);
});

describe('the end of a rotation', () => {
  const error = (code: string, about: ErrorSubject | null = null) => ({
    code,
    message: 'It went wrong.',
    remedy: 'Mend it.',
    about,
  });

  it.each([
    [aRotation(), 0],
    [aRotation({ state: 'rolled_back', error: error('verification_failed') }), 5],
    [aRotation({ state: 'failed', error: error('target_unreachable', 'target') }), 3],
    [aRotation({ state: 'failed', error: error('drift') }), 5],
    [aRotation({ state: 'needs_operator', endedAt: null }), 5],
    [aRotation({ state: 'rotating', endedAt: null, wakeAt: before(-hour) }), 0],
  ])('%# has its exit code', (rotation, code) => expect(exitCodeOfRotation(rotation)).toBe(code));

  it.each([
    [aRotation({ state: 'rolled_back' }), 0],
    [aRotation({ state: 'completed' }), 5],
    [aRotation({ state: 'rollback_in_progress', endedAt: null, wakeAt: before(-hour) }), 5],
  ])('%# of a rollback has its exit code', (rotation, code) =>
    expect(exitCodeOfRotation(rotation, 'rollback')).toBe(code),
  );

  it('of one that waits in the queue is no new version', () => {
    const queuedBehind = { id: aRotation().id, state: 'needs_operator' as const };
    const end = endOf(aRotation({ state: 'pending', endedAt: null, newVersion: null, queuedBehind }), now);
    expect(end.words(paint)).toContain(`queued behind rotation ${aRotation().id}, which is needs operator`);
  });

  it('says what the target accepts when it failed, and what to do', () => {
    const end = endOf(aRotation({ state: 'rollback_failed', error: error('x') }), now);
    expect(end.words(paint)).toContain(`target: ${NEW_VERSION} accepted, ${OLD_VERSION} refused`);
    expect(end.advice).toEqual(['Mend it.', `Details: dsops rotation show ${aRotation().id}`]);
  });
});

it('lists services by environment and name', () => {
  const lines = serviceTable(paint, [aService({ environment: 'staging' }), aService({ name: 'a-db' }), aService()]);
  expect(lines.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2).join(' '))).toEqual([
    'SERVICE ENVIRONMENT',
    'a-db production',
    'payments-db production',
    'payments-db staging',
  ]);
});
