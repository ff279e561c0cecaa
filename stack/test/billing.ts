import { randomBytes } from 'node:crypto';
import type { AddServiceRequest } from '@dsops/contracts/rotation/add-service';
import { withClient } from '@dsops/database';
import { Secret, unwrapSecret } from '@dsops/kernel';
import { keyPaths } from '@dsops/rotation';
import { DATABASE_SUPERUSER, openKeyFile } from '@dsops/sealing';
import { scramVerifier, setupStatements } from '@dsops/drivers';
import type { StackUnderTest } from './stack-under-test.js';

/** A database on the stack's server whose old password stays valid for a while. @returns how to add it to dsops */
export async function makeBilling(stack: StackUnderTest): Promise<AddServiceRequest> {
  const names = {
    database: 'billing',
    admin: 'billing_admin',
    owner: 'billing_owner',
    slots: ['billing_a', 'billing_b'],
  };
  const [slot = ''] = names.slots;
  const [adminPassword, password] = [randomBytes(18).toString('base64url'), randomBytes(18).toString('base64url')];
  const key = await openKeyFile({ path: keyPaths(stack.folder).keyFile, database: 'existing' });
  const port = stack.record().databasePort!;
  const superuser = unwrapSecret(key.password(DATABASE_SUPERUSER));
  await withClient(
    `postgres://postgres:${encodeURIComponent(superuser)}@127.0.0.1:${port}/postgres`,
    async (client) => {
      await client.query(`create database ${names.database}`);
      for (const statement of setupStatements(names)) await client.query(statement);
      await client.query(`alter role ${names.admin} password '${await scramVerifier(new Secret(adminPassword))}'`);
      await client.query(`alter role ${slot} login password '${await scramVerifier(new Secret(password))}'`);
    },
  );
  return {
    name: 'billing-db',
    environment: 'sample',
    type: 'postgresql',
    target: { host: '127.0.0.1', port, database: names.database, sslMode: 'disable' },
    admin: { username: names.admin, password: adminPassword },
    credential: {
      name: 'login',
      strategy: 'two-key',
      consumers: 'managed',
      slots: names.slots,
      owner: names.owner,
      gracePeriod: '2s',
      verification: { query: 'SELECT 1', timeout: '10s' },
      rollback: { automatic: true },
    },
    current: { username: slot, password },
  };
}
