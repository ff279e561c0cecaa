import pg from 'pg';
import { unwrapSecret } from '@dsops/kernel';
import { freePort } from '@dsops/stack';
import { DATABASE_SUPERUSER } from '@dsops/sealing';
import { HomeFolder } from '../harness/home-folder.js';
import { InstalledProduct, jsonOf, type CliOptions } from '../harness/installation.js';
import { Program, type Ended } from '../harness/program.js';
import { watchProcesses, type ProcessWatch } from './process-watch.js';
import { startSpanCollector, type SpanCollector } from './span-collector.js';
import { startRecordingProxy, type RecordedAnswer, type RecordingProxy } from './recording-proxy.js';

export interface CliRun extends Ended {
  readonly words: readonly string[];
  /** The problem that the API answered while it ran, when there was one: the last. */
  readonly problem: Record<string, unknown> | undefined;
}

/** An installation of which everything is kept that comes out of it, and whose processes are watched. */
export class InstallationUnderTest extends InstalledProduct {
  readonly runs: CliRun[] = [];
  readonly watch: ProcessWatch = watchProcesses(this.folder);
  private proxy: RecordingProxy | undefined;
  private spanCollector: SpanCollector | undefined;
  private metricsPort = 0;
  private started = 0;

  static override async start(): Promise<InstallationUnderTest> {
    const installation = new InstallationUnderTest(new HomeFolder());
    installation.proxy = await startRecordingProxy(() => installation.ownUrl);
    installation.spanCollector = await startSpanCollector();
    installation.metricsPort = await freePort();
    await installation.start();
    return installation;
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
  override get url(): string {
    return this.recorder.url;
  }

  get recorder(): RecordingProxy {
    if (this.proxy === undefined) throw new Error('The installation was not started.');
    return this.proxy;
  }

  override async cli(words: readonly string[], given: CliOptions = {}): Promise<CliRun> {
    const client = `run-${(this.started += 1)}`;
    const command = Program.cli(words, {
      env: { DSOPS_HOME: this.folder, DSOPS_URL: `${this.url}/${client}`, ...given.env },
      stdin: given.stdin,
    });
    const ended = await command.ended;
    const problem = this.answers
      .filter((answer) => answer.client === client && answer.status >= 400)
      .map((answer) => jsonOf(answer.body().toString()))
      .at(-1);
    const run = { words, ...ended, problem };
    this.runs.push(run);
    return run;
  }

  /** A session of the superuser in the product's own database, for looking behind the scenes. */
  async superuser(database = 'dsops'): Promise<pg.Client> {
    const key = await this.home.masterKey();
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.databasePort,
      database,
      user: 'postgres',
      password: unwrapSecret(key.password(DATABASE_SUPERUSER)),
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

  override async remove(): Promise<void> {
    await this.stop();
    this.watch.stop();
    await this.proxy?.close();
    await this.spanCollector?.close();
    this.home.remove();
  }

  protected override environment(): Readonly<Record<string, string>> {
    return { DSOPS_ZIPKIN_URL: this.collector.url, DSOPS_METRICS_PORT: String(this.metricsPort) };
  }
}
