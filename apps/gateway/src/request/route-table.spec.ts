import { describe, expect, it } from '@jest/globals';
import { operations } from '@dsops/contracts/api';
import { RouteTable } from './route-table.js';

const table = new RouteTable(operations);
const idOf = (method: string, path: string) => {
  const match = table.match(method, path);
  return match.kind === 'found' ? match.operation.id : match.kind;
};

describe('the table of routes', () => {
  it.each(operations.map((operation) => [operation.id, operation] as const))('finds %s', (id, operation) =>
    expect(idOf(operation.method, operation.path.replaceAll(/\{\w+\}/g, 'x'))).toBe(id),
  );

  it('takes words before parameters', () => {
    expect(idOf('DELETE', '/notifications/clear')).toBe('clearInbox');
    expect(idOf('POST', '/notifications/mark-all-read')).toBe('markAllRead');
  });

  it('decodes parameters', () =>
    expect(table.match('GET', '/audit/service/a%2Fb')).toMatchObject({ params: { kind: 'service', entityId: 'a/b' } }));

  it('answers HEAD as GET', () => expect(idOf('HEAD', '/status')).toBe('getStatus'));

  it('names the methods that a path takes', () =>
    expect(table.match('PUT', '/services')).toEqual({ kind: 'other_method', allowed: ['GET', 'POST'] }));

  it.each(['', '/', '/nothing', '/services/', '/services//x', '/audit/service/%E0%A4%A', '/services/../status'])(
    'knows nothing at %j',
    (path) => expect(idOf('GET', path)).toBe('unknown'),
  );
});
