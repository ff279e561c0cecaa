import { ApiClient, apiKey } from '@dsops/api-client';
import { Secret } from '@dsops/kernel';
import { HomeFolder } from './home-folder.js';
import { Program, type Ended } from './program.js';

export interface Reply {
  readonly status: number;
  readonly text: string;
  /** The answer as JSON; undefined when it is none. */
  readonly body: Record<string, unknown> | undefined;
}

export interface RequestOptions {
  /** Sent as JSON; a string as it is. */
  readonly body?: unknown;
  /** The administrator's, unless said. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CliOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The whole product on a folder of its own: the built program, with its own PostgreSQL, as a person starts it. */
export class InstalledProduct {
  /** Each program that ran on this folder, the last is the one that runs. */
  readonly programs: Program[] = [];
  /** Where its API listens since the last start. */
  protected ownUrl = '';

  protected constructor(readonly home: HomeFolder) {}

  /** Starts one on a new folder; with `home`, on one that is there, such as a copy. */
  static async start(home = new HomeFolder()): Promise<InstalledProduct> {
    const installation = new InstalledProduct(home);
    await installation.start();
    return installation;
  }

  /** Starts the program on a folder; it may well end at once, which some tests want. */
  static begin(home: HomeFolder, words: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    // No terminal, no colour: not even where CI is set, which colour libraries take for a terminal.
    return Program.standalone(words, { env: { DSOPS_HOME: home.folder, CI: 'true', ...env } });
  }

  /** Starts it again, and waits until it says that it is up. */
  async start({ hasSample = false } = {}): Promise<void> {
    const sample = hasSample ? [] : ['--no-sample'];
    const program = InstalledProduct.begin(this.home, [...sample, '--verbose', '--port', '0'], this.environment());
    this.programs.push(program);
    [, this.ownUrl = ''] = await program.printed(/^ +API +(http\S+)$[^]*Ctrl-C stops everything/m);
  }

  /** Where clients find the API. */
  get url(): string {
    return this.ownUrl;
  }

  get folder(): string {
    return this.home.folder;
  }

  get program(): Program {
    return this.programs.at(-1)!;
  }

  get databasePort(): number {
    return Number(/PostgreSQL .*port (\d+)/.exec(this.program.stdout)?.[1]);
  }

  /** Calls the API as the administrator, or with another key. */
  async api(method: string, path: string, options: RequestOptions = {}): Promise<Reply> {
    const { body: given, key = this.home.adminKey, headers } = options;
    const body = given === undefined || typeof given === 'string' ? given : JSON.stringify(given);
    const client = new ApiClient({ url: this.url, credentials: apiKey(new Secret(key)), retryDelaysMs: [] });
    const { status, text } = await client.exchange({
      method,
      path,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body }),
    });
    return { status, text, body: jsonOf(text) };
  }

  /** Runs `dsops …` on this installation, to its end. */
  cli(words: readonly string[], { stdin, env }: CliOptions = {}): Promise<Ended> {
    return Program.cli(words, { env: { DSOPS_HOME: this.folder, NO_COLOR: '1', ...env }, stdin }).ended;
  }

  /** Everything that its programs printed, their logs included. */
  get printed(): string {
    return this.programs.map(({ stdout, stderr }) => stdout + stderr).join('');
  }

  /** Presses Ctrl-C and waits for the end. */
  stop(): Promise<Ended> {
    return this.program.stop();
  }

  /** Stops what runs and removes the folder. */
  async remove(): Promise<void> {
    await this.stop();
    this.home.remove();
  }

  /** What a start gets beside its folder. */
  protected environment(): Readonly<Record<string, string>> {
    return {};
  }
}

/** An object; undefined when it is none. */
export function jsonOf(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
