import { readFileSync } from 'node:fs';
import { createApiKey } from '@dsops/contracts/gateway/api';
import { checkOut } from '@dsops/contracts/rotation/api';
import type { Program } from '../harness/program.js';
import type { HomeFolder } from '../harness/home-folder.js';
import type { CliRun, InstallationUnderTest } from './installation-under-test.js';
import type { RecordedAnswer } from './recording-proxy.js';
import type { Exhibit } from './secret-scan.js';

/** What the command line prints on purpose, and its name in the contract. The API's ways out are in {@link fieldThatLeaves}. */
const isWayOut = ({ words, code }: CliRun): boolean =>
  code === 0 && (words.slice(0, 2).join(' ') === 'secret get' || words.slice(0, 2).join(' ') === 'keys create');

const patternOf = (path: string) => new RegExp(`^/api/v1${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);

/**
 * The field by which a secret leaves in this answer, null for all others. A check-out gives a value to who may have it,
 * and a new API key is shown once to who made it; there is no third.
 */
function fieldThatLeaves({ method, path, status }: RecordedAnswer): 'password' | 'key' | null {
  if (method !== 'POST' || status !== 201) return null;
  if (patternOf(checkOut.path).test(path)) return 'password';
  return patternOf(createApiKey.path).test(path) ? 'key' : null;
}

/** An answer without the one field that is meant to hold a secret. */
function withoutWayOut(answer: RecordedAnswer): string {
  const field = fieldThatLeaves(answer);
  const text = answer.body().toString();
  if (field === null) return text;
  const { [field]: _left, ...rest } = JSON.parse(text) as Record<string, unknown>;
  return JSON.stringify(rest);
}

/** Answers by which a secret left on purpose. */
export const waysOutIn = (answers: readonly RecordedAnswer[]): RecordedAnswer[] =>
  answers.filter((answer) => fieldThatLeaves(answer) !== null);

/** What a program wrote. */
export function* writtenBy(program: Pick<Program, 'stdout' | 'stderr'>): Generator<Exhibit> {
  yield { where: 'screen', bytes: program.stdout };
  yield { where: 'log', bytes: program.stderr };
}

/** Everything that came out of an installation so far: screen, log, answers, output of commands, arguments. */
export function* outputOf(installation: InstallationUnderTest): Generator<Exhibit> {
  for (const program of installation.programs) yield* writtenBy(program);
  for (const answer of installation.answers) {
    const where = `answer ${answer.status} to ${answer.method} ${answer.path.split('?')[0]}`;
    yield { where, bytes: withoutWayOut(answer) };
    yield { where: `headers of the ${where}`, bytes: answer.headers };
  }
  for (const run of installation.runs) {
    const where = `dsops ${run.words.slice(0, 2).join(' ')}`;
    if (!isWayOut(run)) yield { where: `output of ${where}`, bytes: run.stdout };
    yield { where: `errors of ${where}`, bytes: run.stderr };
  }
  for (const bytes of installation.collector.bodies) yield { where: 'span', bytes };
  for (const command of installation.watch.arguments)
    yield { where: `arguments of ${programOf(command)}`, bytes: command };
  for (const environment of installation.watch.environments)
    yield { where: 'environment of a process', bytes: environment };
}

/** The name of a program without its arguments, which may be what is looked for: `node main.js`, `postgres`. */
const programOf = (command: string): string =>
  command
    .split(' ', 2)
    .map((word) => word.split(/[/\\]/).at(-1) ?? '')
    .filter((word, place) => place === 0 || /^\w+\.m?js$/.test(word))
    .join(' ');

/** Every row of every table that is not PostgreSQL's own, in every database of the installation, as text. */
export async function rowsOf(installation: InstallationUnderTest): Promise<Exhibit[]> {
  const evidence: Exhibit[] = [];
  const first = await installation.superuser('postgres');
  const databases = await first.query<{ name: string }>('select datname as name from pg_database where datallowconn');
  await first.end();
  for (const { name: database } of databases.rows) {
    const client = await installation.superuser(database);
    try {
      const tables = await client.query<{ name: string; columns: string }>(
        `select format('%I.%I', nspname, relname) as name,
                string_agg(format('%I::text', attname), ', ' order by attnum) as columns
           from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
          where relkind in ('r', 'm', 'p') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
            and attnum > 0 and not attisdropped
          group by nspname, relname`,
      );
      for (const { name, columns } of tables.rows) {
        // Column by column: a whole row as text would be quoted once more.
        const { rows } = await client.query<unknown[]>({ text: `select ${columns} from ${name}`, rowMode: 'array' });
        evidence.push({ where: `row of ${name}`, bytes: rows.flat().join('\n') });
      }
      const statements = await client.query<{ query: string }>(
        'select query from pg_stat_activity where pid <> pg_backend_pid()',
      );
      evidence.push({
        where: 'statement in pg_stat_activity',
        bytes: statements.rows.map(({ query }) => query).join('\n'),
      });
    } finally {
      await client.end();
    }
  }
  return evidence;
}

/**
 * Every byte below the installation's folder, except of the files that are meant to hold a key. While it runs, without
 * the data, which changes under the eyes.
 */
export function* filesOf(home: HomeFolder, { isRunning = false } = {}): Generator<Exhibit> {
  for (const file of home.files())
    if (file !== home.keyFile && file !== home.paths.adminKeyFile && !(isRunning && file.startsWith(home.dataFolder)))
      yield { where: `file ${file.slice(home.folder.length + 1)}`, bytes: readFileSync(file) };
}
