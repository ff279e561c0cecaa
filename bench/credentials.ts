import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { AddServiceRequest } from '@dsops/contracts/rotation/add-service';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';

/** Credentials that one administrator looks after: as many teams on a server would have it. */
const PER_ADMIN = 50;
const newPassword = (): string => randomBytes(24).toString('base64url');

/** What stands at the target for one credential: two slots, of which the first is in use. */
export interface PreparedCredential {
  readonly slots: readonly [string, string];
  readonly password: string;
  readonly admin: { readonly username: string; readonly password: string };
  readonly owner: string;
}

/** Makes roles as docs/targets/postgresql.md asks for them, with names that begin with `prefix`. */
export async function prepareCredentials(
  superuser: pg.Pool,
  prefix: string,
  count: number,
): Promise<PreparedCredential[]> {
  const prepared: PreparedCredential[] = [];
  for (let first = 0; first < count; first += PER_ADMIN) {
    const team = `${prefix}_${first / PER_ADMIN}`;
    const admin = { username: `${team}_admin`, password: newPassword() };
    const owner = `${team}_owner`;
    const ofTeam = Array.from({ length: Math.min(PER_ADMIN, count - first) }, (_, nth): PreparedCredential => {
      const name = `${prefix}_c${String(first + nth).padStart(4, '0')}`;
      return { slots: [`${name}_a`, `${name}_b`], password: newPassword(), admin, owner };
    });
    await superuser.query(
      [
        `create role ${admin.username} login createrole password '${admin.password}'`,
        `create role ${owner} nologin`,
        ...ofTeam.flatMap(({ slots, password }) => [
          ...slots.flatMap((slot) => [
            `create role ${slot} nologin`,
            `grant ${owner} to ${slot} with inherit true, set true`,
            `alter role ${slot} set role = '${owner}'`,
            `grant ${slot} to ${admin.username} with admin true, inherit true, set false`,
          ]),
          `alter role ${slots[0]} login password '${password}'`,
        ]),
      ].join(';\n'),
    );
    prepared.push(...ofTeam);
  }
  return prepared;
}

/** What dsops is asked for such a credential: take over the login in use, then rotate between the slots without grace. */
export const serviceOf = (
  target: PostgresqlTarget,
  name: string,
  { slots, password, admin, owner }: PreparedCredential,
): AddServiceRequest => ({
  name,
  environment: 'production',
  type: 'postgresql',
  target,
  admin,
  credential: {
    name: 'login',
    strategy: 'two-key',
    consumers: 'managed',
    slots: [...slots],
    owner,
    gracePeriod: '0s',
    verification: { query: 'SELECT 1', timeout: '10s' },
    rollback: { automatic: true },
  },
  current: { username: slots[0], password },
});
