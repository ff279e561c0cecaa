import { describe, expect, it } from '@jest/globals';
import { serverKey } from './server-key.js';

describe('The key of a server', () => {
  it.each(['localhost:5432', '127.0.0.1:5432', '::1:5432', '[::1]:5432', 'LocalHost:5432', 'localhost.:5432'])(
    'is one for this machine, also as %s',
    (server) => expect(serverKey(server)).toBe('localhost:5432'),
  );

  it('does not ask for case or a dot at the end', () =>
    expect(serverKey('DB.example.com.:5432')).toBe(serverKey('db.example.com:5432')));

  it('tells ports and hosts apart, also on this machine', () => {
    const servers = ['localhost:5432', 'localhost:5433', '127.0.0.2:5432', 'db.example.com:5432', '/run/pg:5432'];
    expect(new Set(servers.map(serverKey)).size).toBe(servers.length);
  });
});
