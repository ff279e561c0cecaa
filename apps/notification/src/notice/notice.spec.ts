import { describe, expect, it } from '@jest/globals';
import { consumers } from '@dsops/contracts/consumers';
import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import { principalCreated, principalRevoked } from '@dsops/contracts/gateway/events';
import { systemActor } from '@dsops/contracts/principal';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import {
  rotationCompleted,
  rotationFailed,
  rotationNeedsOperator,
  rotationRollbackFailed,
  rotationRolledBack,
  rotationStarted,
} from '@dsops/contracts/rotation/events';
import { notableEvents, noticeOf, type NotableData } from './notice.js';

const ROTATION = '01JD0000000000000000000003';

function told<D extends EventDefinition>(definition: D, changes: Partial<EventData<D>> = {}) {
  const event: EventEnvelope<NotableData> = {
    specversion: '1.0',
    id: '01JD000000000000000000000A',
    source: '/dsops/rotation',
    type: definition.type,
    subject: `rotation/${ROTATION}`,
    time: '2026-11-21T12:00:00.000Z',
    datacontenttype: 'application/json',
    partitionkey: 'key',
    sequence: '1',
    epoch: 1,
    data: { ...(definition.example as object), ...(changes as object) } as NotableData,
  };
  return noticeOf(event);
}

const bo = { kind: 'user', id: 'u', name: 'Bo' } as const;

describe('a notice', () => {
  it('exists for every event that the consumer declares, access events aside', () => {
    const declared = consumers.notification.handles.map(({ type }) => type);
    const access = [principalCreated.type, principalRevoked.type];
    expect(notableEvents.map(({ type }) => type).sort()).toEqual(
      declared.filter((type) => !access.includes(type)).sort(),
    );
  });

  it('tells that a rotation started, by whom and why', () => {
    expect(told(rotationStarted, { actor: bo, reason: 'Bo left the company' })).toEqual({
      eventId: '01JD000000000000000000000A',
      kind: 'started',
      priority: 'normal',
      title: 'Rotation of payments-db in production started',
      body:
        'Started by Bo, with the strategy two-key.\nReason: Bo left the company.\n' +
        `Follow it: dsops rotation show ${ROTATION} --watch`,
      entity: { kind: 'rotation', id: ROTATION },
      happenedAt: new Date('2026-11-21T12:00:00.000Z'),
    });
  });

  it('says that a schedule or dsops itself started it', () => {
    expect(told(rotationStarted, { actor: { ...bo, kind: 'schedule', name: 'weekly' } }).body).toContain(
      'Started by the schedule weekly,',
    );
    expect(told(rotationStarted, { actor: systemActor }).body).toContain('Started by dsops itself,');
  });

  it('tells that a rotation completed, with the version and the time it took', () => {
    const notice = told(rotationCompleted, { actor: bo });
    expect(notice).toMatchObject({
      kind: 'completed',
      priority: 'normal',
      title: 'Rotation of payments-db in production completed',
    });
    expect(notice.body).toBe(
      'Version 2026-11-21-1430-abc123 is in use: the target accepts it and refuses the old one.\n' +
        `It took 840 ms. Asked for by Bo.\nSee each step: dsops rotation show ${ROTATION}`,
    );
  });

  it('tells why a rotation failed, that nothing is lost, and how to try again', () => {
    const notice = told(rotationFailed);
    expect(notice).toMatchObject({
      kind: 'failed',
      priority: 'normal',
      title: 'Rotation of payments-db in production failed',
    });
    expect(notice.body).toBe(
      'The target refused the new password.\nThe previous version stays in use.\n' +
        `See what happened: dsops rotation show ${ROTATION}\nThen try again: dsops rotation rotate production/payments-db`,
    );
  });

  it('tells of a rollback with reason, versions, who, and what next', () => {
    const automatic = told(rotationRolledBack);
    expect(automatic).toMatchObject({
      kind: 'rollback',
      priority: 'normal',
      title: 'Rotation of payments-db in production was rolled back',
    });
    expect(automatic.body).toContain('Reason: Verification with the new password failed.');
    expect(automatic.body).toContain('Version 2026-11-21-1430-abc123 was withdrawn.');
    expect(automatic.body).toContain('dsops did this by itself.');
    expect(automatic.body).toContain('Try again: dsops rotation rotate production/payments-db');
    expect(told(rotationRolledBack, { trigger: 'manual', actor: bo }).body).toContain('Rolled back by Bo.');
  });

  it('gives a failed rollback high priority and says what the target accepts', () => {
    const notice = told(rotationRollbackFailed);
    expect(notice).toMatchObject({
      kind: 'rollback',
      priority: 'high',
      title: 'Rollback of payments-db in production failed',
    });
    expect(notice.body).toContain('The target accepts now: 2026-11-21-1430-abc123.');
    expect(notice.body).toContain('dsops rotation status production/payments-db --verbose');
    expect(told(rotationRollbackFailed, { accepted: [] }).body).toContain(
      'The target accepts no version that dsops knows.',
    );
  });

  it('gives high priority to a rotation that needs a person, with what is known and how to go on', () => {
    const notice = told(rotationNeedsOperator, { known: { a: 'errored', b: 'accepted' } });
    expect(notice).toMatchObject({
      kind: 'needs_operator',
      priority: 'high',
      title: 'Rotation of payments-db in production needs a person',
    });
    expect(notice.body).toContain('Version a: it could not be tried.\nVersion b: the target accepts it.');
    expect(notice.body).toContain(`When the cause is gone: dsops rotation resume ${ROTATION}`);
  });
});
