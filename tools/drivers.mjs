import { join } from 'node:path';
import { helpOnRequest, root, runNode } from './run.mjs';

helpOnRequest(`
pnpm test:drivers [path or name …]

Runs what every driver promises against the worlds that npm cannot bring: real servers from the system's packages, each
started on loopback in a folder of its own. PostgreSQL's world comes with npm, so it is part of \`pnpm test\`.

  mariadb   the package mariadb-server (apt-get install mariadb-server); the system's own service is left alone
  pgbouncer the package pgbouncer (apt-get install pgbouncer), before our own database, which refuses it

A server that is missing fails its tests with what to install. Ends with 0 when everything holds, else with 1.
`);

const wanted = process.argv.slice(2);
process.exit(
  await runNode(join(root, 'tools', 'test.mjs'), wanted.length > 0 ? wanted : ['[.]world[.]spec[.]ts$'], {
    env: { DSOPS_TEST_DRIVERS: '1' },
  }),
);
