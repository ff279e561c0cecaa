import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, isSaid } from '../harness/child.js';
import { WORKSPACE } from '../harness/workspace.js';
import type { Command } from './commands.js';

type ToService =
  | { readonly command: Command }
  | { readonly replay: string }
  | { readonly producerUrls: readonly string[] }
  | { readonly stop: true };

type FromService =
  | { readonly is: 'ready'; readonly url: string }
  | { readonly is: 'done' | 'failed'; readonly id: string }
  | { readonly is: 'replayed'; readonly status: number }
  | { readonly is: 'publishing' };

/** What happens at a process, as its parent hears it. */
export interface Listeners {
  /** Acknowledged: the answer has arrived here. */
  readonly onDone?: (id: string) => void;
  /** Not acknowledged: it may have happened or not, and has to be sent again. */
  readonly onOpen?: (command: Command) => void;
  /** It has ended, and nobody had killed or stopped it. */
  readonly onCrash?: () => void;
}

/** Plain JavaScript beside the source. */
const SERVICE = join(WORKSPACE, 'e2e', 'events', 'service.mjs');
const MOST_IN_FLIGHT = 24;

/** A service in a process of its own, which is started again under the same name after each kill. */
export class ServiceProcess {
  /** Where it listens since its last start. */
  url = '';
  /** Instant of its last publishing, `performance.now()`; the one that published last holds the relay's lease. */
  publishedAtMs = 0;
  readonly inFlight = new Map<string, Command>();
  private child: Child<ToService, FromService> | undefined;
  private isReady = false;
  private publishing = Promise.withResolvers<void>();

  constructor(
    private readonly settings: Readonly<Record<string, unknown>> & { readonly name: string },
    private readonly listeners: Listeners = {},
  ) {}

  async start(): Promise<void> {
    // A clean environment: the children run the built packages, not sources under Jest.
    const { NODE_OPTIONS: _, ...rest } = process.env;
    const child = new Child<ToService, FromService>(this.settings.name, SERVICE, {
      args: [JSON.stringify(this.settings)],
      env: { ...rest, NODE_COMPILE_CACHE: join(tmpdir(), 'dsops-compile-cache') }, // they start many times
      output: 'shown',
    });
    this.child = child;
    child.listen((said) => this.hear(said));
    void child.ended.then(() => {
      if (this.isReady) this.listeners.onCrash?.();
      this.isReady = false;
      for (const id of [...this.inFlight.keys()]) this.settle(id, ({ command }) => this.listeners.onOpen?.(command));
    });
    ({ url: this.url } = await child.until(isSaid<FromService, 'ready'>('ready')));
    this.isReady = true;
  }

  /** Has it room for another command? */
  get room(): number {
    return this.isReady ? MOST_IN_FLIGHT - this.inFlight.size : 0;
  }

  send(command: Command): void {
    this.inFlight.set(command.id, command);
    this.child!.send({ command });
  }

  /** Resolves at the moment at which it begins to publish next. */
  nextPublishing(): Promise<void> {
    return this.publishing.promise;
  }

  /** Replays a dead letter through the service's own route. */
  async replay(letterId: string): Promise<void> {
    const answer = this.child!.until(isSaid<FromService, 'replayed'>('replayed'));
    this.child!.send({ replay: letterId });
    const { status } = await answer;
    if (status !== 200) throw new Error(`The letter was not replayed: ${status}.`);
  }

  /** Tells it where the producers listen now. */
  tell(producerUrls: readonly string[]): void {
    if (this.isReady) this.child!.send({ producerUrls }); // one that dies is told again at its start
  }

  /** SIGKILL: nothing of it can be caught, finished or cleaned up. */
  async kill(): Promise<void> {
    this.isReady = false;
    await this.child?.kill();
  }

  /** Lets it finish and waits for its end. */
  async stop(): Promise<void> {
    this.isReady = false;
    this.child?.send({ stop: true });
    await this.child?.ended;
  }

  private hear(said: FromService): void {
    switch (said.is) {
      case 'done':
        return this.settle(said.id, ({ id }) => this.listeners.onDone?.(id));
      case 'failed':
        return this.settle(said.id, ({ command }) => this.listeners.onOpen?.(command));
      case 'publishing':
        this.publishedAtMs = performance.now();
        this.publishing.resolve();
        this.publishing = Promise.withResolvers();
        return;
      case 'ready':
      case 'replayed':
        return;
    }
  }

  private settle(id: string, then: (settled: { id: string; command: Command }) => void): void {
    const command = this.inFlight.get(id);
    if (!this.inFlight.delete(id) || command === undefined) return;
    then({ id, command });
  }
}
