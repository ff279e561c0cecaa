import type pg from 'pg';
import { DomainError, unwrapSecret, type Secret } from '@dsops/kernel';
import { roleOf, SCHEMAS, type SchemaName } from './schemas.js';

/** What a database says about the master key that it is sealed under. */
export interface KeyState {
  readonly keyId: string;
  /** While the key is being changed: the one that it is changed to. */
  readonly nextKeyId: string | null;
}

/** Null while the database knows of no installation. It may be of an earlier release, which knew of no change. */
export async function readKeyState(client: pg.Client): Promise<KeyState | null> {
  const known = await client.query<{ name: string | null }>("select to_regclass('rotation.installation') as name");
  if (known.rows[0]?.name == null) return null;
  const { rows } = await client.query<KeyState>(
    `select key_id as "keyId", to_jsonb(i) ->> 'next_key_id' as "nextKeyId" from rotation.installation i`,
  );
  return rows[0] ?? null;
}

/** @throws DomainError `key_change_unfinished` while values are sealed under two keys */
export async function assertKeyIsSettled(client: pg.Client): Promise<void> {
  if ((await readKeyState(client))?.nextKeyId != null) throw keyChangeUnfinished();
}

export const keyChangeUnfinished = (): DomainError =>
  new DomainError('key_change_unfinished', 'refused', 'A change of the master key has begun and is not finished.', {
    remedy:
      'Run it again, it goes on where it was: dsops keys rotate-master (where services are processes of their own: the setup program with rotate-master).',
  });

/** The passwords of a server that dsops runs itself, all of which come from the master key. In the caller's transaction. */
export async function setEmbeddedPasswords(
  client: pg.Client,
  superuser: Secret,
  passwordOf: (schema: SchemaName) => Secret,
): Promise<void> {
  const set = (role: string, password: Secret) =>
    client.query(`alter role ${role} password ${client.escapeLiteral(unwrapSecret(password))}`);
  const { rows } = await client.query<{ name: string }>('select rolname as name from pg_roles');
  const present = new Set(rows.map(({ name }) => name));
  for (const schema of SCHEMAS) if (present.has(roleOf(schema))) await set(roleOf(schema), passwordOf(schema));
  await set('postgres', superuser);
}
