import { fork, type ChildProcess } from 'node:child_process';

interface Said {
  readonly is: string;
}

export interface ChildOptions {
  readonly args?: readonly string[];
  /** All of its environment; that of this process unless said. */
  readonly env?: NodeJS.ProcessEnv;
  /** `kept`, for {@link Child.takeOutput} and for what is said when it fails; `shown` goes where that of this process goes. */
  readonly output?: 'kept' | 'shown';
}

/** Far beyond what anything takes, also on a machine that is busy with something else. */
const SILENCE_MS = 120_000;
const LOG_LOOK_MS = 20;

/**
 * A process of a proof: started by fork, spoken to by messages, killed by SIGKILL. A message says what it `is`, and one
 * that is `broken` tells its `message`.
 */
export class Child<To extends object, From extends Said> {
  private readonly process: ChildProcess;
  private readonly listeners = new Set<(said: From) => void>();
  /** Resolves when it is gone, to the signal or exit code. */
  readonly ended: Promise<string>;
  private output = '';

  /** @param name how failures name it */
  constructor(
    readonly name: string,
    file: string,
    { args = [], env, output = 'kept' }: ChildOptions = {},
  ) {
    const stream = output === 'kept' ? 'pipe' : 'inherit';
    this.process = fork(file, [...args], {
      stdio: ['ignore', stream, stream, 'ipc'],
      execArgv: [],
      ...(env === undefined ? {} : { env }),
    });
    this.process.on('message', (said: From) => {
      for (const listener of [...this.listeners]) listener(said);
    });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString('utf8')));
    this.ended = new Promise((done) =>
      this.process.once('close', (code, signal) => done(signal ?? `exit code ${String(code)}`)),
    );
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Everything it wrote since the last call: its log. */
  takeOutput(): string {
    const { output } = this;
    this.output = '';
    return output;
  }

  /** Resolves when this stands in its log. @throws when it does not for a long time */
  async untilLogged(text: string): Promise<void> {
    for (const untilMs = performance.now() + SILENCE_MS; !this.output.includes(text);) {
      if (performance.now() > untilMs) throw this.failure(`never logged "${text}"`);
      await new Promise((resume) => setTimeout(resume, LOG_LOOK_MS));
    }
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** One that is gone hears nothing; that it is gone shows in {@link ended}. */
  send(message: To): void {
    if (this.process.connected) this.process.send(message, () => undefined);
  }

  listen(listener: (said: From) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /**
   * Waits for the next message that fits.
   * @throws when the process says that it is broken, ends, or stays silent for too long.
   */
  async until<Wanted extends From>(fits: (said: From) => said is Wanted, timeoutMs = SILENCE_MS): Promise<Wanted> {
    const waiting = Promise.withResolvers<Wanted>();
    const timer = setTimeout(() => waiting.reject(this.failure(`said nothing for ${timeoutMs / 1000} s`)), timeoutMs);
    const forget = this.listen((said) => {
      if (said.is === 'broken') waiting.reject(this.failure((said as Said & { message?: string }).message ?? 'broken'));
      else if (fits(said)) waiting.resolve(said);
    });
    void this.ended.then((how) => waiting.reject(this.failure(`ended (${how})`)));
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
      forget();
    }
  }

  /** SIGSTOP: nothing in it runs, and nothing of it is gone. */
  pause(): void {
    this.process.kill('SIGSTOP');
  }

  /** SIGCONT */
  wake(): void {
    this.process.kill('SIGCONT');
  }

  /** SIGKILL: nothing in it runs any more when this resolves. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }

  private failure(how: string): Error {
    const log = this.output.trim().split('\n').slice(-12).join('\n');
    return new Error(`The ${this.name} process ${how}.${log === '' ? '' : `\n${log}`}`);
  }
}

/** For {@link Child.until}: a message of one of these kinds. */
export const isSaid =
  <From extends Said, Is extends From['is']>(...is: readonly Is[]) =>
  (said: From): said is Extract<From, { is: Is }> =>
    (is as readonly string[]).includes(said.is);
