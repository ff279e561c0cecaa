import { describe, expect, it } from '@jest/globals';
import type { Actor } from '@dsops/contracts/principal';
import { eventRegistry } from '@dsops/contracts/event-registry';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { actionOf, entitiesOf, entryOf } from './entry.js';

const actor: Actor = { kind: 'user', id: 'user-1', name: 'Ada' };

function anEvent(
  data: Record<string, unknown>,
  subject = 'rotation/01JD0000000000000000000003',
): EventEnvelope<{ actor: Actor }> {
  return {
    specversion: '1.0',
    id: '01JD0000000000000000000000',
    source: '/dsops/rotation',
    type: 'dsops.rotation.rotation.completed.v1',
    subject,
    time: '2026-11-21T12:00:00.123456Z',
    datacontenttype: 'application/json',
    partitionkey: 'key',
    sequence: '1',
    epoch: 1,
    data: { ...data, actor },
  };
}

describe('an entry of the log', () => {
  it('says who did what to what, and when', () => {
    expect(entryOf(anEvent({ service: 'payments-db' }))).toEqual({
      eventId: '01JD0000000000000000000000',
      at: '2026-11-21T12:00:00.123Z',
      actor,
      action: 'rotation.rotation.completed',
      entity: { kind: 'rotation', id: '01JD0000000000000000000003' },
      details: { service: 'payments-db' },
    });
  });

  it('belongs to the history of everything that the event names', () => {
    const entry = entryOf(
      anEvent({
        serviceId: 'S',
        rotationId: '01JD0000000000000000000003',
        checkOutId: 'C',
        recipientId: 'P',
        principal: { kind: 'user', id: 'Q', name: 'Bo' },
        durationMs: 12,
        valid: 'not an id',
      }),
    );
    expect(entitiesOf(entry)).toEqual([
      { kind: 'rotation', id: '01JD0000000000000000000003' },
      { kind: 'service', id: 'S' },
      { kind: 'check_out', id: 'C' },
      { kind: 'principal', id: 'P' },
      { kind: 'principal', id: 'Q' },
    ]);
  });

  it('is made of every event that the contracts know, without masking anything of them', () => {
    for (const { type, example } of eventRegistry.values()) {
      const { actor: _, ...details } = example as Record<string, unknown>;
      const entry = entryOf({ ...anEvent({}), type, data: example as { actor: Actor } });
      expect(entry.details).toEqual(details);
      expect(entry.action).toMatch(/^[a-z_]+\.[a-z_]+\.[a-z_]+$/);
    }
  });

  it('masks at any depth what is named like a secret', () => {
    const { details } = entryOf(
      anEvent({
        password: 'x',
        target: { admin: [{ clientSecret: 'y', secretId: 'kept', apiKey: null }] },
        accessTokens: ['z'],
      }),
    );
    expect(details).toEqual({
      password: '[secret]',
      target: { admin: [{ clientSecret: '[secret]', secretId: 'kept', apiKey: null }] },
      accessTokens: '[secret]',
    });
  });

  it('is made of a subject without a kind and of text that is no Unicode too', () => {
    const entry = entryOf(anEvent({ reason: 'half \ud800 a pair' }, 'installation'));
    expect(entry.entity).toEqual({ kind: 'unknown', id: 'installation' });
    expect(entry.details).toEqual({ reason: 'half \ufffd a pair' });
  });

  it('names its action without product and version', () => {
    expect(actionOf('dsops.rotation.check_out.granted.v12')).toBe('rotation.check_out.granted');
  });
});
