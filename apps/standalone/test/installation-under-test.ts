import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { unwrapSecret } from '@dsops/kernel';
import { CapturedProcess, type Ended } from './captured-process.js';
import { HomeFolder } from './home-folder.js';
import { watchProcesses, type ProcessWatch } from './process-watch.js';
import { startSpanCollector, type SpanCollector } from './span-collector.js';
import { startRecordingProxy, type RecordedAnswer, type RecordingProxy } from './recording-proxy.js';

/** The built programs, as people run them. `pnpm test` builds before it tests. */
const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const CLI = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));

/** Starts the program on a folder; it may well end at once, which some tests want. */
export const startProgram = (home: HomeFolder, args: readonly string[], env: Record<string, string> = {}) =>
  new CapturedProcess(`program ${args.join(' ')}`, [PROGRAM, ...args], {
    // No terminal, no colour: not even where CI is set, which colour libraries take for a terminal.
    env: { DSOPS_HOME: home.folder, CI: 'true', ...env },
  });

export interface Reply {
  readonly status: number;
  readonly text: string;
  /** The answer as JSON, undefined when it is none. */
  readonly body: Record<string, unknown> | undefined;
}

export interface CliRun extends Ended {
  readonly words: readonly string[];
  /** The problem that the API answered while it ran, when there was one: the last. */
  readonly problem: Record<string, unknown> | undefined;
}

/**
 * The whole product as a person has it: the built program in a process of its own, the built command line beside it.
 * Everything that comes out of either is kept, and their processes are watched.
 */
export class InstallationUnderTest {
  readonly home = new HomeFolder();
  /** Each program that was started here, the last is the one that runs. */
  readonly programs: CapturedProcess[] = [];
  readonly runs: CliRun[] = [];
  readonly watch: ProcessWatch = watchProcesses(this.home.folder);
  private proxy: RecordingProxy | undefined;
  private spanCollector: SpanCollector | undefined;
  private target = '';
  databasePort = 0;
  private metricsPort = 0;
  private started = 0;

  static async start(): Promise<InstallationUnderTest> {
    const installation = new InstallationUnderTest();
    installation.proxy = await startRecordingProxy(() => installation.target);
    installation.spanCollector = await startSpanCollector();
    installation.metricsPort = await freePort();
    await installation.start();
    return installation;
  }

  /** Starts it (again), and waits until it says that it is up. */
  async start({ hasSample = false } = {}): Promise<void> {
    const sample = hasSample ? [] : ['--no-sample'];
    const program = startProgram(this.home, [...sample, '--verbose', '--port', '0'], {
      DSOPS_ZIPKIN_URL: this.collector.url,
      DSOPS_METRICS_PORT: String(this.metricsPort),
    });
    this.programs.push(program);
    [, this.target = ''] = await program.printed(/^ +API +(http\S+)$[^]*Ctrl-C stops everything/m);
    this.databasePort = Number(/PostgreSQL .*port (\d+)/.exec(program.stdout)?.[1]);
  }

  get program(): CapturedProcess {
    return this.programs.at(-1)!;
  }

  get answers(): readonly RecordedAnswer[] {
    return this.recorder.answers;
  }

  /** Where its traces go. */
  get collector(): SpanCollector {
    if (this.spanCollector === undefined) throw new Error('The installation was not started.');
    return this.spanCollector;
  }

  /** Through the recorder. */
  get url(): string {
    return this.recorder.url;
  }

  get recorder(): RecordingProxy {
    if (this.proxy === undefined) throw new Error('The installation was not started.');
    return this.proxy;
  }

  /** Runs `dsops …` to its end. */
  async cli(
    words: readonly string[],
    given: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<CliRun> {
    const client = `run-${(this.started += 1)}`;
    const command = new CapturedProcess(`dsops ${words.slice(0, 3).join(' ')}`, [CLI, ...words], {
      env: { DSOPS_HOME: this.home.folder, DSOPS_URL: `${this.url}/${client}`, ...given.env },
      stdin: given.stdin,
    });
    const ended = await command.ended;
    const problem = this.answers
      .filter((answer) => answer.client === client && answer.status >= 400)
      .map((answer) => parse(answer.body().toString()))
      .at(-1);
    const run = { words, ...ended, problem };
    this.runs.push(run);
    return run;
  }

  /** Calls the API as the administrator does, or with another key. */
  async api(
    method: string,
    path: string,
    options: { readonly body?: unknown; readonly key?: string; readonly headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const body =
      options.body === undefined || typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${options.key ?? this.home.adminKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return { status: response.status, text, body: parse(text) };
  }

  /** A session of the superuser in the product's own database, for looking behind the scenes. */
  async superuser(database = 'dsops'): Promise<pg.Client> {
    const key = await this.home.sealingKey();
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.databasePort,
      database,
      user: 'postgres',
      password: unwrapSecret(key.derive('database superuser')),
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** What Prometheus would read now. */
  async metrics(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`);
    return response.text();
  }

  /** Presses Ctrl-C and waits for the end. */
  async stop(): Promise<Ended> {
    if (this.program.isRunning) this.program.child.kill('SIGINT');
    return this.program.ended;
  }

  /** Stops what runs and removes the folder. */
  async remove(): Promise<void> {
    await this.stop();
    this.watch.stop();
    await this.proxy?.close();
    await this.spanCollector?.close();
    this.home.remove();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
