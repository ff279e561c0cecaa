import { createHash } from 'node:crypto';
import { createConnection, createPool } from 'mariadb';
import { z } from 'zod';
import type { Accepts, Observer, ObserverPlace } from '../kit/world.js';

const placeSchema = z.strictObject({
  address: z.strictObject({ host: z.string(), port: z.number() }),
  database: z.string(),
  root: z.strictObject({ user: z.string(), password: z.string() }),
  /** Name of a slot, its account, and which of the account's alternatives it is. */
  slots: z.array(z.strictObject({ name: z.string(), user: z.string(), host: z.string(), position: z.number() })),
});
export type MariadbPlace = z.output<typeof placeSchema>;

/** A wrong password, and a locked account: what a server answers to a login that it refuses. */
const REFUSALS = new Set([1045, 4151]);

/** Written apart from the product's own hash, so that a mistake there is not made here too. */
const hashOf = (value: string): string => {
  const once = createHash('sha1').update(Buffer.from(value)).digest('binary');
  return `*${createHash('sha1').update(once, 'binary').digest('hex')}`.toUpperCase();
};

interface Part {
  readonly authentication_string?: string;
  readonly plugin?: string;
}

/** Reads the table of accounts as root; a login shows now and then that the table tells the truth. */
export async function openObserver(place: ObserverPlace): Promise<Observer> {
  const { address, database, root, slots } = placeSchema.parse(place);
  const pool = createPool({ ...address, ...root, connectionLimit: 2, minimumIdle: 0 });
  const users = [...new Set(slots.map(({ user }) => user))];

  return {
    async accepted(valuesNow) {
      const rows = await pool.query<{ user: string; host: string; priv: unknown }[]>(
        'SELECT User AS user, Host AS host, Priv AS priv FROM mysql.global_priv WHERE User IN (?)',
        [users],
      );
      const values = new Map(valuesNow().map((value) => [hashOf(value), value]));
      return new Map(
        slots.map(({ name, user, host, position }): [string, Accepts] => {
          const row = rows.find((one) => one.user === user && one.host === host);
          if (row === undefined) return [name, { kind: 'nobody' }];
          const priv = (typeof row.priv === 'string' ? JSON.parse(row.priv) : row.priv) as Part & {
            auth_or?: Part[];
            account_locked?: boolean;
          };
          const parts = priv.auth_or?.map((part) => (part.plugin === undefined ? priv : part)) ?? [priv];
          const text = parts[position]?.authentication_string ?? 'invalid';
          if (priv.account_locked === true || text === 'invalid') return [name, { kind: 'nobody' }];
          const value = values.get(text);
          return [name, value === undefined ? { kind: 'foreign' } : { kind: 'value', value }];
        }),
      );
    },
    async logIn(user, password) {
      try {
        const connection = await createConnection({ ...address, database, user, password });
        await connection.end();
        return 'accepted';
      } catch (error) {
        if (REFUSALS.has((error as { errno?: number }).errno ?? 0)) return 'refused';
        throw error;
      }
    },
    close: () => pool.end(),
  };
}
