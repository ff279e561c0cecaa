import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ApiClient, apiKey } from '@dsops/api-client';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import { getInstallation } from '@dsops/contracts/rotation/api';
import { SERVICES } from '@dsops/contracts/service-names';
import { migrate, startPostgres, type PostgresServer, type SchemaName } from '@dsops/database';
import { DomainError, Secret } from '@dsops/kernel';
import { LogFile, logIsAt, startMetricsServer, startTelemetry } from '@dsops/platform';
import { keyPaths } from '@dsops/rotation';
import { DATABASE_SUPERUSER, databaseRole, openKeyFile, type MasterKey } from '@dsops/sealing';
import { databasesOf, hostServices, type Host } from './host.js';
import { VERSION, type Config } from './config.js';
import { databaseFolder } from './data-folder.js';
import { installationFiles } from './installation-files.js';
import { lockHome } from './home-lock.js';
import { createDatabase, DATABASE } from './own-database.js';
import { roomyDisk } from './roomy-disk.js';
import { showSample } from './sample/demonstration.js';
import type { Screen } from './screen.js';
import { watchedDatabase } from './watched-database.js';

/** One dsops on this machine: its folder, key, database and services, started in this order and stopped in the other. */
export class StandaloneServer {
  /** What has to be undone, the last first. */
  private readonly running: (() => unknown)[] = [];
  private readonly dataDir: string;
  private readonly logPath: string;

  constructor(
    private readonly config: Config,
    private readonly screen: Screen,
  ) {
    this.dataDir = databaseFolder(config.home);
    this.logPath = join(config.home.folder, 'logs', 'dsops.log');
  }

  /** @throws DomainError with what stands in the way; {@link stop} undoes what was started. */
  async start(): Promise<void> {
    const { config, screen } = this;
    screen.title(`dsops ${VERSION}`);
    await assertFree(config.port);
    const lock = lockHome(config.home);
    this.running.push(() => lock.release());

    const key = await this.openKey();
    const server = await this.startDatabase(key);
    const passwordOf = (schema: SchemaName) => key.password(databaseRole(schema));
    await this.migrate(server, passwordOf);
    const host = await this.startServices(key, server, passwordOf);

    const adminKey = new Secret((await readFile(config.home.adminKeyFile, 'utf8')).trim());
    const api = new ApiClient({ url: host.url, credentials: apiKey(adminKey) });
    const mode = await api.call(getInstallation);
    // A restored installation refuses to change anything, the sample included.
    if (config.hasSample && mode.mode === 'normal') {
      const superuserUrl = (database?: string) => server.url(database);
      await showSample(api, { port: server.port, superuserUrl }, screen);
    }
    this.describe(host, mode);
  }

  /**
   * Undoes everything that was started, also what stands before something that could not be undone.
   * @throws what the first of them threw: then something may still run
   */
  async stop(): Promise<void> {
    const failures: unknown[] = [];
    while (this.running.length > 0) {
      try {
        await this.running.pop()?.();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  private openLog(): { write(line: string): void } {
    const file = new LogFile(this.logPath);
    logIsAt(this.logPath);
    // Before the services start, so that it is closed after them.
    this.running.push(() => file.close());
    if (!this.config.isVerbose) return file;
    return {
      write: (line) => {
        file.write(line);
        process.stderr.write(line);
      },
    };
  }

  private async openKey(): Promise<MasterKey> {
    const { keyFile } = keyPaths(this.config.home.folder);
    const isNew = !existsSync(keyFile);
    const hasData = existsSync(join(this.dataDir, 'PG_VERSION'));
    mkdirSync(join(this.config.home.folder, 'keys'), { recursive: true, mode: 0o700 });
    const key = await openKeyFile({ path: keyFile, database: hasData ? 'existing' : 'new' });
    this.screen.done('key', isNew ? `made ${keyFile}` : keyFile);
    return key;
  }

  private async startDatabase(key: MasterKey): Promise<PostgresServer> {
    const startedAt = performance.now();
    let wasMade = false;
    const server = await startPostgres({
      dataDir: this.dataDir,
      password: key.password(DATABASE_SUPERUSER),
      settings: { max_connections: 200 },
      onState: (state) => (wasMade ||= state === 'initialising'),
    });
    this.running.push(() => server.stop());
    this.screen.done(
      'PostgreSQL',
      `${wasMade ? 'made and started' : 'started'}, port ${server.port}`,
      performance.now() - startedAt,
    );
    return server;
  }

  private async migrate(
    server: PostgresServer,
    passwordOf: Parameters<typeof migrate>[0]['passwordOf'],
  ): Promise<void> {
    const startedAt = performance.now();
    await createDatabase(server, keyPaths(this.config.home.folder).keyFile);
    let applied = 0;
    await migrate({ adminUrl: server.url(DATABASE), passwordOf, onApplied: () => (applied += 1) });
    this.screen.done(
      'schemas',
      applied > 0 ? `${applied} migrations applied` : 'up to date',
      performance.now() - startedAt,
    );
  }

  private async startServices(
    key: MasterKey,
    server: PostgresServer,
    passwordOf: (schema: SchemaName) => Secret,
  ): Promise<Host> {
    const { config } = this;
    const startedAt = performance.now();
    const telemetry = startTelemetry({ serviceName: 'dsops', ...config.telemetry });
    this.running.push(() => telemetry.stop());
    const host = await hostServices({
      databaseOf: databasesOf({ port: server.port, database: DATABASE, passwordOf }),
      files: installationFiles(config.home),
      keyOf: (service) => key.serviceKey(service),
      port: config.port,
      log: this.openLog(),
      dependencies: [watchedDatabase(server, config.home), roomyDisk([this.dataDir, config.home.folder])],
    });
    this.running.push(() => host.close());
    if (config.metricsPort > 0) {
      const metrics = await startMetricsServer(host.metrics, { host: '127.0.0.1', port: config.metricsPort });
      this.running.push(() => metrics.close());
    }
    const { instanceFile } = config.home;
    writeFileSync(
      instanceFile,
      `${JSON.stringify({ url: host.url, version: VERSION, pid: process.pid, startedAt: new Date().toISOString() })}\n`,
      { mode: 0o600 },
    );
    this.running.push(() => rmSync(instanceFile, { force: true }));
    this.screen.done('services', SERVICES.join(', '), performance.now() - startedAt);
    return host;
  }

  private describe(host: Host, { mode, reason }: ResponseOf<typeof getInstallation>): void {
    const { screen, config } = this;
    screen.heading(mode === 'normal' ? 'dsops is up' : 'dsops is up and holds still');
    screen.fact('API', host.url);
    screen.fact('data', this.dataDir);
    screen.fact('log', this.logPath);
    screen.fact('key', `${keyPaths(config.home.folder).keyFile}  (back it up, apart from the data)`);
    const pnpm = 'npx -y pnpm@12';
    if (mode === 'restored') {
      screen.text();
      screen.bad('restored', 'The database seems to come from a copy.');
      if (reason !== null) screen.text(reason);
      screen.text('Until a person confirms that the former installation is off, nothing is set, revoked or retired,');
      screen.text('and no value is given out.');
    }
    screen.heading('Try next, in another terminal');
    if (mode === 'restored') {
      screen.command(`${pnpm} dsops restore status`, 'what is known about it');
      screen.command(`${pnpm} dsops restore confirm`, 'the former installation is off: go on');
    } else if (config.hasSample) {
      screen.command(`${pnpm} dsops rotation rotate shop-db --env sample`, 'rotate it again, step by step');
      screen.command(`${pnpm} dsops rotation status`, 'where each service stands');
      screen.command(`${pnpm} dsops audit list`, 'who did what');
    } else {
      screen.command(`${pnpm} dsops service add --help`, 'look after a database of yours');
      screen.command(`${pnpm} dsops rotation status`, 'where each service stands');
      screen.command(`${pnpm} dsops doctor`, 'is everything in order?');
    }
    screen.text();
    screen.text('Ctrl-C stops everything.');
  }
}

/** Found out before anything is started. */
async function assertFree(port: number): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((free, taken) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => taken(portProblem(port, error)));
    server.listen(port, '127.0.0.1', () => server.close(() => free()));
  });
}

const portProblem = (port: number, error: NodeJS.ErrnoException) =>
  error.code === 'EACCES'
    ? new DomainError('port_forbidden', 'conflict', `Port ${port} needs rights that you do not have.`, {
        remedy: 'Choose another one: pnpm start --port 4401',
      })
    : new DomainError('port_in_use', 'conflict', `Port ${port} is in use by another program.`, {
        remedy: 'Stop that program, or choose another port: pnpm start --port 4401 (0 picks a free one)',
      });
