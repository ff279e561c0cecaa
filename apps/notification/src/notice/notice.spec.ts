import { describe, expect, it } from '@jest/globals';
import { consumers } from '@dsops/contracts/consumers';
import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import { principalCreated, principalRevoked } from '@dsops/contracts/gateway/events';
import { systemActor } from '@dsops/contracts/principal';
import {
  rotationCompleted,
  rotationEvidenceWanted,
  rotationFailed,
  rotationNeedsOperator,
  rotationRollbackFailed,
  rotationRolledBack,
  rotationStarted,
} from '@dsops/contracts/rotation/events';
import { keep, notableEvents, noticeOf, recall } from './notice.js';
import { aRotationEvent } from './notice.fixture.js';

const ROTATION = '01JD0000000000000000000003';

const told = <D extends EventDefinition>(definition: D, data: Partial<EventData<D>> = {}) =>
  noticeOf(aRotationEvent(definition, { id: '01JD000000000000000000000A', data }));
const textOf = <D extends EventDefinition>(definition: D, data: Partial<EventData<D>> = {}) =>
  told(definition, data).words.sentences.join('\n');

const bo = { kind: 'user', id: 'u', name: 'Bo' } as const;

describe('a notice', () => {
  it('exists for every event that the consumer declares, access events aside', () => {
    const declared = consumers.notification.handles.map(({ type }) => type);
    const access = [principalCreated.type, principalRevoked.type];
    expect(notableEvents.map(({ type }) => type).sort()).toEqual(
      declared.filter((type) => !access.includes(type)).sort(),
    );
  });

  it('holds what the event said, and no word', () => {
    expect(told(rotationStarted, { actor: bo }).notice).toEqual({
      eventId: '01JD000000000000000000000A',
      eventType: rotationStarted.type,
      kind: 'started',
      priority: 'normal',
      entity: { kind: 'rotation', id: ROTATION },
      happenedAt: new Date('2026-11-21T12:00:00.000Z'),
      facts: { ...rotationStarted.example, actor: bo },
    });
  });

  it('tells that a rotation started, by whom and why', () => {
    expect(told(rotationStarted, { actor: bo, reason: 'Bo left the company' }).words).toEqual({
      title: 'Rotation of payments-db in production started',
      sentences: ['Started by Bo, with the strategy two-key.', 'Reason: Bo left the company.'],
      nextSteps: ['follow'],
      place: { environment: 'production', service: 'payments-db' },
    });
  });

  it('says that a schedule or dsops itself started it', () => {
    expect(textOf(rotationStarted, { actor: { ...bo, kind: 'schedule', name: 'weekly' } })).toContain(
      'Started by the schedule weekly,',
    );
    expect(textOf(rotationStarted, { actor: systemActor })).toContain('Started by dsops itself,');
  });

  it('tells that a rotation completed, with the version and the time it took', () => {
    expect(told(rotationCompleted, { actor: bo })).toMatchObject({
      notice: { kind: 'completed', priority: 'normal' },
      words: {
        title: 'Rotation of payments-db in production completed',
        sentences: [
          'Version 2026-11-21-1430-abc123 is in use: the target accepts it and refuses the old one.',
          'It took 840 ms. Asked for by Bo.',
        ],
        nextSteps: ['see_steps'],
      },
    });
  });

  it('tells why a rotation failed, that nothing is lost, and how to try again', () => {
    expect(told(rotationFailed)).toMatchObject({
      notice: { kind: 'failed', priority: 'normal' },
      words: {
        title: 'Rotation of payments-db in production failed',
        sentences: ['The target refused the new password.', 'The previous version stays in use.'],
        nextSteps: ['see_steps', 'try_again'],
      },
    });
  });

  it('does not say that a version stays in use where there was none', () =>
    expect(textOf(rotationFailed, { previousVersion: null })).toContain(
      'There was no version in use before, and there is none now.',
    ));

  it('tells of a rollback with reason, versions, who, and what next', () => {
    expect(told(rotationRolledBack)).toMatchObject({
      notice: { kind: 'rollback', priority: 'normal' },
      words: { title: 'Rotation of payments-db in production was rolled back', nextSteps: ['see_steps', 'try_again'] },
    });
    const automatic = textOf(rotationRolledBack);
    expect(automatic).toContain('Reason: Verification with the new password failed.');
    expect(automatic).toContain('Version 2026-11-21-1430-abc123 was withdrawn.');
    expect(automatic).toContain('dsops did this by itself.');
    expect(textOf(rotationRolledBack, { trigger: 'manual', actor: bo })).toContain('Rolled back by Bo.');
  });

  it('gives a failed rollback high priority and says what the target accepts', () => {
    expect(told(rotationRollbackFailed)).toMatchObject({
      notice: { kind: 'rollback', priority: 'high' },
      words: { title: 'Rollback of payments-db in production failed', nextSteps: ['see_target', 'see_steps'] },
    });
    expect(textOf(rotationRollbackFailed)).toContain('The target accepts now: 2026-11-21-1430-abc123.');
    expect(textOf(rotationRollbackFailed, { accepted: [] })).toContain(
      'The target accepts no version that dsops knows.',
    );
  });

  it('gives high priority to a rotation that needs a person, with what is known and how to go on', () => {
    const known = { a: 'errored', b: 'accepted' } as const;
    expect(told(rotationNeedsOperator, { known })).toMatchObject({
      notice: { kind: 'needs_operator', priority: 'high' },
      words: { title: 'Rotation of payments-db in production needs a person', nextSteps: ['see_steps', 'resume'] },
    });
    expect(textOf(rotationNeedsOperator, { known })).toContain(
      'Version a: it could not be tried.\nVersion b: the target accepts it.',
    );
  });

  it('asks with high priority whether an old value may end, and names who is seen to use it and what is not seen', () => {
    expect(told(rotationEvidenceWanted)).toMatchObject({
      notice: { kind: 'needs_operator', priority: 'high' },
      words: { title: 'May the old value of payments-db in production end?', nextSteps: ['clear', 'see_steps'] },
    });
    expect(textOf(rotationEvidenceWanted)).toContain(
      'Seen to use it: payments_a (billing) from 10.0.0.7 since 2026-11-20T08:00:00.000Z.\n' +
        'Not seen: a session that begins and ends between two looks.',
    );
    const of = (application: string) => ({ login: 'a', address: null, application, since: null });
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'a'].map(of);
    expect(textOf(rotationEvidenceWanted, { consumers: many })).toContain('a (e) and 2 more.');
    expect(textOf(rotationEvidenceWanted, { consumers: [] })).toContain('Nobody is seen to use it now.');
  });

  it('says no command of any client', () => {
    for (const event of notableEvents) expect(textOf(event)).not.toMatch(/: dsops |dsops (rotation|inbox) /);
  });

  it('has the same words when it is recalled from what was kept', () => {
    for (const event of notableEvents) expect(recall(keep(told(event)))).toEqual(told(event));
  });

  it('keeps its words where they are all that the previous release kept, or its event is of a later one', () => {
    const kept = { ...keep(told(rotationFailed)), title: 'As it was', body: 'Line 1.\nLine 2.' };
    const words = { title: 'As it was', sentences: ['Line 1.', 'Line 2.'], nextSteps: [], place: null };
    expect(recall({ ...kept, eventType: null, facts: null }).words).toEqual(words);
    expect(recall({ ...kept, eventType: 'dsops.later.thing.happened.v1' }).words).toEqual(words);
  });
});
