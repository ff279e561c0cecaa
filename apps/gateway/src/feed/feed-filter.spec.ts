import { describe, expect, it } from '@jest/globals';
import type { Role } from '@dsops/contracts/principal';
import { filterOf, passes } from './feed-filter.js';

const completed = { topic: 'rotation-events', type: 'dsops.rotation.rotation.completed.v1', onlyFor: null };
const granted = { topic: 'rotation-events', type: 'dsops.rotation.check_out.granted.v1', onlyFor: null };
const request = { topic: 'access-events', type: 'dsops.gateway.request.made.v1', onlyFor: null };
const as = (role: Role, id = 'me') => ({ actor: { kind: 'api_key' as const, id, name: 'someone' }, role });

describe('what a stream shows', () => {
  it('is everything, to an admin who asks for nothing in particular', () =>
    expect([completed, granted, request].every((event) => passes(filterOf(undefined, as('admin')), event))).toBe(true));

  it.each(['viewer', 'operator'] as const)('holds no access events for a %s, asked for or not', (role) => {
    expect(passes(filterOf(undefined, as(role)), request)).toBe(false);
    expect(passes(filterOf('dsops.gateway.', as(role)), request)).toBe(false);
    expect(passes(filterOf(undefined, as(role)), completed)).toBe(true);
  });

  it("holds nothing of another one's inbox, not even for an admin", () => {
    const mine = { topic: 'notification-events', type: 'dsops.notification.inbox.delivered.v1', onlyFor: 'me' };
    expect(passes(filterOf(undefined, as('viewer')), mine)).toBe(true);
    expect(passes(filterOf(undefined, as('admin', 'ada')), mine)).toBe(false);
  });

  it('goes by the beginning of the type', () => {
    const filter = filterOf('dsops.rotation.rotation., dsops.gateway.', as('admin'));
    expect([completed, granted, request].map((event) => passes(filter, event))).toEqual([true, false, true]);
  });

  it('goes by the whole type', () => {
    const filter = filterOf(completed.type, as('viewer'));
    expect([completed, granted].map((event) => passes(filter, event))).toEqual([true, false]);
  });

  it.each([['dsops.rotatoin.'], ['dsops.rotation.,'], [['a', 'b']]])('refuses %j', (types) =>
    expect(() => filterOf(types, as('viewer'))).toThrow(/query\.types/),
  );
});
