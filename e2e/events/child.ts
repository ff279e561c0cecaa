import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Command } from './commands.js';

type Report = { ready: string } | { done: string } | { failed: string } | { replayed: number } | { publishing: number };

/** What happens at a process, as its parent hears it. */
export interface Listeners {
  /** Acknowledged: the answer has arrived here. */
  readonly onDone?: (id: string) => void;
  /** Not acknowledged: it may have happened or not, and has to be sent again. */
  readonly onOpen?: (command: Command) => void;
  /** It has ended, and nobody had killed or stopped it. */
  readonly onCrash?: () => void;
}

/** This file may run from its source or from its build; the service is plain JavaScript beside the source. */
function serviceFile(): string {
  let root = import.meta.dirname;
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  return join(root, 'events', 'service.mjs');
}

const MOST_IN_FLIGHT = 24;

/** A service in a process of its own, which is started again under the same name after each kill. */
export class Child {
  /** Where it listens since its last start. */
  url = '';
  /** Instant of its last publishing, `performance.now()`; the one that published last holds the relay's lease. */
  publishedAtMs = 0;
  readonly inFlight = new Map<string, Command>();
  private process: ChildProcess | undefined;
  private isReady = false;
  private publishing = Promise.withResolvers<void>();

  constructor(
    private readonly settings: object,
    private readonly listeners: Listeners = {},
  ) {}

  async start(): Promise<void> {
    // A clean environment: the children run the built packages, not sources under Jest.
    const { NODE_OPTIONS: _, ...rest } = process.env;
    const env = { ...rest, NODE_COMPILE_CACHE: join(tmpdir(), 'dsops-compile-cache') }; // they start many times
    const started = fork(serviceFile(), [JSON.stringify(this.settings)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
      env,
    });
    this.process = started;
    const ready = new Promise<void>((done, refuse) => {
      started.on('message', (report: Report) => {
        if ('ready' in report) {
          this.url = report.ready;
          done();
        } else this.hear(report);
      });
      started.once('exit', (code) => refuse(new Error(`A service ended with ${code} before it was ready.`)));
    });
    started.once('exit', () => {
      if (this.isReady) this.listeners.onCrash?.();
      this.isReady = false;
      for (const id of [...this.inFlight.keys()]) this.settle(id, ({ command }) => this.listeners.onOpen?.(command));
    });
    await ready;
    this.isReady = true;
  }

  /** Has it room for another command? */
  get room(): number {
    return this.isReady ? MOST_IN_FLIGHT - this.inFlight.size : 0;
  }

  send(command: Command): void {
    this.inFlight.set(command.id, command);
    this.process!.send({ command }, () => undefined); // a failure shows as exit
  }

  /** Resolves at the moment at which it begins to publish next. */
  nextPublishing(): Promise<void> {
    return this.publishing.promise;
  }

  /** Replays a dead letter through the service's own route. */
  async replay(letterId: string): Promise<void> {
    this.process!.send({ replay: letterId });
    const [report] = (await once(this.process!, 'message')) as [Report];
    if (!('replayed' in report) || report.replayed !== 200) throw new Error('The letter was not replayed.');
  }

  /** Tells it where the producers listen now. */
  tell(producerUrls: readonly string[]): void {
    if (this.isReady) this.process!.send({ producerUrls }, () => undefined); // one that dies is told again at its start
  }

  /** SIGKILL: nothing of it can be caught, finished or cleaned up. */
  async kill(): Promise<void> {
    this.isReady = false;
    if (this.hasEnded) return;
    const gone = once(this.process!, 'exit');
    this.process!.kill('SIGKILL');
    await gone;
  }

  /** Lets it finish and waits for its end. */
  async stop(): Promise<void> {
    this.isReady = false;
    if (this.hasEnded) return;
    const gone = once(this.process!, 'exit');
    this.process!.send({ stop: true }, () => undefined);
    await gone;
  }

  private get hasEnded(): boolean {
    return this.process === undefined || this.process.exitCode !== null || this.process.signalCode !== null;
  }

  private hear(report: Report): void {
    if ('done' in report) this.settle(report.done, ({ id }) => this.listeners.onDone?.(id));
    else if ('failed' in report) this.settle(report.failed, ({ command }) => this.listeners.onOpen?.(command));
    else if ('publishing' in report) {
      this.publishedAtMs = performance.now();
      this.publishing.resolve();
      this.publishing = Promise.withResolvers();
    }
  }

  private settle(id: string, then: (settled: { id: string; command: Command }) => void): void {
    const command = this.inFlight.get(id);
    if (!this.inFlight.delete(id) || command === undefined) return;
    then({ id, command });
  }
}
