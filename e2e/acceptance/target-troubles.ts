import type { BadInputWorld, Refusal } from './bad-input-world.js';
import type { Shop } from '../harness/target.js';

/** Something that is wrong with a target, and what people are told about it, whatever they ask for. */
export interface Trouble {
  readonly title: string;
  /** What goes into the names of its roles. */
  readonly label: string;
  bring(world: BadInputWorld, shop: Shop): Promise<unknown>;
  /** The check that finds it. */
  readonly check: string;
  readonly told: Pick<Refusal, 'sentence' | 'remedy'>;
}

export const TROUBLES: readonly Trouble[] = [
  {
    title: 'an administrator without the right to change roles',
    label: 'rightless',
    check: 'admin-rights',
    bring: ({ target }, { admin }) => target.sql(`alter role ${admin.username} nocreaterole`),
    told: {
      sentence: /^The admin rightless_admin may not change passwords of roles: it lacks CREATEROLE\.$/,
      remedy: /^Run ALTER ROLE rightless_admin CREATEROLE; on the target\.$/,
    },
  },
  {
    title: 'an administrator that may change other roles, and not these',
    label: 'stranger',
    check: 'admin-rights',
    bring: ({ target }, { admin, slots }) => target.sql(`revoke ${slots[0]} from ${admin.username}`),
    told: {
      sentence: /^The admin stranger_admin may not change the role stranger_a: it lacks ADMIN OPTION on it\.$/,
      remedy: /^Run GRANT stranger_a TO stranger_admin WITH ADMIN TRUE/,
    },
  },
  {
    title: 'a wrong admin password',
    label: 'misadmin',
    check: 'admin-login',
    bring: ({ target, secrets }, { admin }) =>
      target.setPassword({ username: admin.username, password: secrets.plant('changed admin password') }),
    told: {
      sentence: /^PostgreSQL at 127\.0\.0\.1:\d+ refused the admin password of misadmin_admin\.$/,
      remedy: /^Give dsops the present password of misadmin_admin/,
    },
  },
  {
    title: 'a role that does not exist',
    label: 'missing',
    check: 'slot',
    bring: ({ target }, { slots }) => target.sql(`drop role ${slots[1]}`),
    told: {
      sentence: /^The role missing_b does not exist at 127\.0\.0\.1:\d+\.$/,
      remedy: /^Create it with CREATE ROLE missing_b NOLOGIN;/,
    },
  },
  {
    title: 'a role that owns the connection we administer with',
    label: 'owning',
    check: 'slot-identity',
    // PostgreSQL takes no circle of memberships, so it needs an administrator with other rights than ours has.
    bring: ({ target }, { admin, slots }) =>
      target.sql(
        `alter role ${admin.username} superuser`,
        `revoke ${slots[1]} from ${admin.username}`,
        `grant ${admin.username} to ${slots[1]}`,
      ),
    told: {
      sentence: /^owning_b is a member of the admin owning_admin, so an application could act as dsops\.$/,
      remedy: /^Run REVOKE owning_admin FROM owning_b; on the target\.$/,
    },
  },
  {
    title: 'a server that accepts anybody',
    label: 'trusting',
    check: 'wrong-password',
    bring: ({ target }, shop) => target.letAnybodyIn(shop),
    told: {
      sentence:
        /^PostgreSQL at 127\.0\.0\.1:\d+ lets trusting_[ab] in with any password, so a rotation would protect nothing\.$/,
      remedy: /^In its pg_hba\.conf use scram-sha-256 instead of trust/,
    },
  },
  {
    title: 'a connection limit that the application has reached',
    label: 'crowded',
    check: 'connection-limit',
    bring: async ({ target }, { current, database }) => {
      await target.connect(current, database);
      await target.sql(`alter role ${current.username} connection limit 1`);
    },
    told: {
      sentence: /^All 1 connections of crowded_a are taken, so its value cannot be tried\.$/,
      remedy: /^Close some, or run ALTER ROLE crowded_a CONNECTION LIMIT 3;$/,
    },
  },
  {
    title: 'a connection limit that leaves nothing for the administrator',
    label: 'shutout',
    check: 'target-reachable',
    bring: ({ target }, { admin }) => target.sql(`alter role ${admin.username} connection limit 0`),
    told: {
      sentence: /^PostgreSQL at 127\.0\.0\.1:\d+ has no connection left for shutout_admin\.$/,
      remedy: /^Close idle connections, or raise max_connections/,
    },
  },
  {
    title: 'a target that cannot be reached',
    label: 'unreachable',
    check: 'target-reachable',
    bring: (world, shop) => world.wayOf(shop).refuse(),
    told: {
      sentence: /^There is no connection to 127\.0\.0\.1:\d+ \(ECONNREFUSED\)\.$/,
      remedy: /^Check host and port, that the server runs/,
    },
  },
  {
    title: 'a target that takes connections and never answers',
    label: 'hanging',
    check: 'target-reachable',
    bring: async (world, shop) => world.wayOf(shop).weather({ kind: 'hang' }),
    told: {
      sentence: /^127\.0\.0\.1:\d+ took the connection or the question and did not answer in time\.$/,
      remedy: /^Look whether the target is overloaded or stuck/,
    },
  },
];
