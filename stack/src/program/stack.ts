import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError, formatDuration, isDomainError } from '@dsops/kernel';
import { causeIn } from '../servers/why-it-ended.js';
import { lastLinesOf } from '../servers/server-log.js';
import { lockHome } from '@dsops/standalone';
import type { Screen } from '@dsops/standalone/screen';
import { startBackbone, type Backbone } from './backbone.js';
import { VERSION, type Config } from './config.js';
import { PartBoard } from './part-board.js';
import { PortBook } from './port-book.js';
import { ProgressLine } from './progress-line.js';
import { startServices } from './services.js';
import type { StackContext } from './stack-context.js';
import { stackHome, type StackHome } from './stack-home.js';
import { StateFile } from './state-file.js';

/** The whole stack of this machine: its parts started in order, watched over, and stopped in the other order. */
export class Stack {
  private readonly running: (() => Promise<unknown>)[] = [];
  private readonly stopping = new AbortController();
  private readonly home: StackHome;
  private readonly state: StateFile;
  private readonly board: PartBoard;
  private starting: Promise<void> = Promise.resolve();

  constructor(
    private readonly config: Config,
    private readonly screen: Screen,
    out: NodeJS.WriteStream,
  ) {
    this.home = stackHome(config.home);
    this.state = new StateFile(this.home.stateFile);
    this.board = new PartBoard(this.state, screen, new ProgressLine(out), config.homeOption);
  }

  /** @throws DomainError with what stands in the way; {@link stop} undoes what was started. */
  start(): Promise<void> {
    this.starting = this.startParts();
    return this.starting;
  }

  /** Ends what runs, the last first. Also in the middle of a start, which gives up then. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.board.progress.clear();
    if (this.state.read()?.pid === process.pid) this.board.set({ state: 'stopping' });
    // What is just being started has to be known before it can be stopped.
    await this.starting.catch(() => undefined);
    while (this.running.length > 0) await this.running.pop()?.();
  }

  private async startParts(): Promise<void> {
    const startedAt = performance.now();
    const { screen, home, board } = this;
    screen.title('dsops on Dapr and Kafka');
    const lock = this.lock();
    this.onStop(async () => lock.release());
    mkdirSync(home.logs, { recursive: true, mode: 0o711 });
    const ports = new PortBook(home.portsFile);
    if (this.config.port !== 0) await ports.takeWanted('gateway', this.config.port);
    board.begin();
    this.onStop(async () => this.state.remove());

    const context = this.contextWith(ports);
    const backbone = await startBackbone(context);
    const gatewayUrl = await startServices(context, backbone, this.config.port);
    this.tellClients(gatewayUrl);
    this.describe(gatewayUrl, backbone, performance.now() - startedAt);
    // The last: whoever waits for it has seen everything that was to be said.
    board.set({ state: 'up', gatewayUrl });
  }

  private onStop(undo: () => Promise<unknown>): void {
    this.running.push(undo);
  }

  private lock(): ReturnType<typeof lockHome> {
    try {
      return lockHome(this.home);
    } catch (error) {
      if (!isDomainError(error) || error.code !== 'home_locked') throw error;
      throw new DomainError('stack_runs', 'conflict', `A stack runs on ${this.home.folder} already.`, {
        remedy: 'See it with pnpm stack status, stop it with pnpm stack down, or start another one with --home FOLDER.',
      });
    }
  }

  private contextWith(ports: PortBook): StackContext {
    const { home, board } = this;
    const logFile = (name: string) => join(home.logs, `${name}.log`);
    return {
      home,
      board,
      ports,
      signal: this.stopping.signal,
      part: (name, title) => ({ name, title, logFile: logFile(name) }),
      life: (name) => ({
        logFile: logFile(name),
        signal: this.stopping.signal,
        onExit: (exit) => board.ended(name, exit),
      }),
      facts: (server, program) => ({ pid: server.pid, program, logFile: server.logFile }),
      exitOf: (file) => {
        const lastLines = lastLinesOf(file, 12);
        return { code: null, signal: null, lastLines, cause: causeIn(lastLines) };
      },
      onStop: (undo) => this.onStop(undo),
    };
  }

  /** The command line finds an installation by this file, as it finds an embedded one. */
  private tellClients(url: string): void {
    const { instanceFile } = this.home;
    writeFileSync(
      instanceFile,
      `${JSON.stringify({ url, version: VERSION, pid: process.pid, startedAt: new Date().toISOString() })}\n`,
      { mode: 0o600 },
    );
    this.onStop(async () => rmSync(instanceFile, { force: true }));
  }

  private describe(gatewayUrl: string, { zipkin, kafka, postgres }: Backbone, tookMs: number): void {
    const { screen, home, config } = this;
    screen.heading(`The stack is up, after ${formatDuration(tookMs)}`);
    screen.fact('API', gatewayUrl);
    screen.fact('traces', zipkin.url);
    screen.fact('Kafka', kafka.brokers.join(', '));
    screen.fact('PostgreSQL', `127.0.0.1:${postgres.port}`);
    screen.fact('data, keys and logs', home.folder);
    screen.heading(config.isDetached ? 'Try next' : 'Try next, in another terminal');
    const command = (words: string) => `pnpm stack ${words}${config.homeOption}`;
    screen.command(command('demo'), 'rotate a sample login and look at its trace');
    screen.command(command('status'), 'what runs, and where');
    screen.command(command('logs --follow'), 'what everything says');
    screen.command(`DSOPS_HOME=${home.folder} pnpm dsops rotation status`, 'the command line on this stack');
    screen.text();
    screen.text(config.isDetached ? `${command('down')} stops everything.` : 'Ctrl-C stops everything.');
  }
}
