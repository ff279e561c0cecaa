import type pg from 'pg';
import { DomainError } from '@dsops/kernel';

/** How long the server may take to answer this one question. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * What is set in each session, whatever the role, the database or the server say. A commit that was answered is durable,
 * and on a synchronous standby where there is one: `off`, `local` and `remote_write` promise less and become `on`;
 * `remote_apply` promises more and stays. Said in the session, because that wins over every default.
 */
const DURABLE = `case when current_setting('synchronous_commit') not in ('on', 'remote_apply')
       then set_config('synchronous_commit', 'on', false) end`;

/** Settings of a session by their names, such as {TimeZone: 'UTC'}. */
export type SessionSettings = Readonly<Record<string, string>>;

/**
 * Makes a new connection one that we can work on: its commits are durable, and the server process behind it is its own.
 * Behind a pooler it may be another one with each statement, which takes prepared statements, settings, locks and LISTEN
 * from under us.
 * @throws DomainError `database_pooled`
 */
export async function makeOwn(client: pg.ClientBase, settings: SessionSettings = {}): Promise<void> {
  const entries = Object.entries(settings);
  const values = entries.flat();
  const sets = entries.map((_, nth) => `set_config($${2 * nth + 1}, $${2 * nth + 2}, false)`);
  const { rows } = await client.query<{ pid: number }>({
    text: `select ${['pg_backend_pid() as pid', DURABLE, ...sets].join(', ')}`,
    values,
    query_timeout: ANSWER_TIMEOUT_MS,
  } as pg.QueryConfig);
  // A pooler makes up the number that it gives its clients: no server process has it.
  if (rows[0]?.pid !== (client as unknown as { processID: number | null }).processID) throw pooled();
}

const pooled = (): DomainError =>
  new DomainError(
    'database_pooled',
    'refused',
    'Between dsops and its own database stands a pooler, such as pgbouncer: what dsops sets and locks in a session would not hold.',
    {
      remedy:
        'Give the address of the PostgreSQL server itself (DSOPS_DATABASE_HOST and DSOPS_DATABASE_PORT): each service keeps a small pool of its own.',
    },
  );
