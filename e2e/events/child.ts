import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Command {
  readonly id: string;
  readonly text: string;
  /** One event is said for each; order as given, which differs between commands. */
  readonly keys: readonly string[];
}

type Report = { ready: string } | { done: string } | { failed: string } | { replayed: number };

const SERVICE = fileURLToPath(new URL('./service.mjs', import.meta.url));

/** A service in a process of its own, which is started again under the same name after each kill. */
export class Child {
  /** Where it listens since its last start. */
  url = '';
  readonly inFlight = new Map<string, Command>();
  private process: ChildProcess | undefined;
  private isReady = false;

  constructor(
    private readonly settings: object,
    /** Acknowledged: the answer has arrived here. */
    private readonly onDone: (id: string) => void,
    /** Not acknowledged: it may have happened or not, and has to be sent again. */
    private readonly onOpen: (command: Command) => void,
  ) {}

  async start(): Promise<void> {
    // A clean environment: the children run the built packages, not sources under Jest.
    const { NODE_OPTIONS: _, ...rest } = process.env;
    const env = { ...rest, NODE_COMPILE_CACHE: join(tmpdir(), 'dsops-compile-cache') }; // they start many times
    const started = fork(SERVICE, [JSON.stringify(this.settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [], env }); // prettier-ignore
    this.process = started;
    const ready = new Promise<void>((done, refuse) => {
      started.on('message', (report: Report) => {
        if ('ready' in report) {
          this.url = report.ready;
          done();
        } else if ('done' in report) this.settle(report.done, this.onDone);
        else if ('failed' in report) this.settle(report.failed, (_id, command) => this.onOpen(command));
      });
      started.once('exit', (code) => refuse(new Error(`A service ended with ${code} before it was ready.`)));
    });
    started.once('exit', () => {
      this.isReady = false;
      for (const id of [...this.inFlight.keys()]) this.settle(id, (_id, command) => this.onOpen(command));
    });
    await ready;
    this.isReady = true;
  }

  /** Has it room for another command? */
  get room(): number {
    return this.isReady ? 24 - this.inFlight.size : 0;
  }

  send(command: Command): void {
    this.inFlight.set(command.id, command);
    this.process!.send({ command }, () => undefined); // a failure shows as exit
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
    const gone = once(this.process!, 'exit');
    this.process!.kill('SIGKILL');
    await gone;
  }

  /** Lets it finish and waits for its end. */
  async stop(): Promise<void> {
    if (this.process === undefined || this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'exit');
    this.process.send({ stop: true });
    await gone;
  }

  private settle(id: string, then: (id: string, command: Command) => void): void {
    const command = this.inFlight.get(id);
    if (!this.inFlight.delete(id) || command === undefined) return;
    then(id, command);
  }
}
