import pg from 'pg';
import { z } from 'zod';
import type { Accepts, Observer, ObserverPlace } from '../kit/world.js';
import { VerifierBook } from './verifier-book.js';

const placeSchema = z.strictObject({
  /** Of a superuser, for the tenant's database. */
  url: z.string(),
  address: z.strictObject({ host: z.string(), port: z.number(), database: z.string() }),
  slots: z.array(z.string()),
});
export type PostgresqlPlace = z.output<typeof placeSchema>;

/** A password that is wrong, and a role that may not log in: what a server answers to a login that it refuses. */
const REFUSALS = new Set(['28P01', '28000']);

/** Reads the catalogue as superuser; a login shows now and then that the catalogue tells the truth. */
export async function openObserver(place: ObserverPlace): Promise<Observer> {
  const { url, address, slots } = placeSchema.parse(place);
  const superuser = new pg.Pool({ connectionString: url, max: 2 });
  superuser.on('error', () => undefined);
  const book = new VerifierBook();

  function judge(verifier: string | null, values: readonly string[]): Accepts {
    if (verifier === null) return { kind: 'nobody' };
    const value = book.valueOf(verifier, values);
    return value === null ? { kind: 'foreign' } : { kind: 'value', value };
  }
  return {
    async accepted(valuesNow) {
      const { rows } = await superuser.query<{ slot: string; verifier: string | null }>(
        `select rolname as slot, case when rolcanlogin then rolpassword end as verifier
           from pg_authid where rolname = any($1)`,
        [slots],
      );
      const values = valuesNow();
      return new Map(rows.map(({ slot, verifier }) => [slot, judge(verifier, values)]));
    },
    async logIn(user, password) {
      const client = new pg.Client({ ...address, user, password, application_name: 'observer' });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return 'accepted';
      } catch (error) {
        if (REFUSALS.has((error as { code?: string }).code ?? '')) return 'refused';
        throw error;
      } finally {
        await client.end().catch(() => undefined);
      }
    },
    close: () => superuser.end(),
  };
}
