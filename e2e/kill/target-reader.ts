import pg from 'pg';
import { VerifierBook } from '@dsops/drivers/postgresql/verifier-book';
import type { Accepts } from './sight.js';

/**
 * What the target accepts, read from its catalogue as superuser: exact, at one instant, and cheap enough to be asked
 * all the time. {@link logIn} shows now and then that the catalogue tells the truth.
 */
export class TargetReader {
  private readonly book = new VerifierBook();

  constructor(
    private readonly superuser: pg.Pool,
    private readonly slots: readonly string[],
  ) {}

  /**
   * @param valuesNow every value that was ever generated for the credential. Asked after the target: a value that the
   * target accepts was tapped before it was sent.
   */
  async accepted(valuesNow: () => readonly string[]): Promise<Map<string, Accepts>> {
    const { rows } = await this.superuser.query<{ slot: string; verifier: string | null }>(
      `select rolname as slot, case when rolcanlogin then rolpassword end as verifier
         from pg_authid where rolname = any($1)`,
      [this.slots],
    );
    const values = valuesNow();
    return new Map(rows.map(({ slot, verifier }) => [slot, this.judge(verifier, values)]));
  }

  private judge(verifier: string | null, values: readonly string[]): Accepts {
    if (verifier === null) return { kind: 'nobody' };
    const value = this.book.valueOf(verifier, values);
    return value === null ? { kind: 'foreign' } : { kind: 'value', value };
  }
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

/** A password that is wrong, and a role that may not log in: what a server answers to a login that it refuses. */
const REFUSALS = new Set(['28P01', '28000']);

/**
 * One real login.
 * @throws what kept it from being judged.
 */
export async function logIn(address: Address, user: string, password: string): Promise<'accepted' | 'refused'> {
  const client = new pg.Client({ ...address, user, password, application_name: 'kill oracle' });
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
}
