const THIS_MACHINE = new Set(['localhost', '127.0.0.1', '::1']);

/**
 * One key for the ways to write one server: case, a dot at the end, brackets, and the names of this machine. Two names
 * of one server that only a resolver knows keep two keys.
 * @param server `host:port`, as a declaration says it.
 */
export function serverKey(server: string): string {
  const colon = server.lastIndexOf(':');
  const host = server
    .slice(0, colon)
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  return `${THIS_MACHINE.has(host) ? 'localhost' : host}${server.slice(colon)}`;
}
