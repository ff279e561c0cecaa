import { fileURLToPath } from 'node:url';
import { Child, isSaid } from '../harness/child.js';
import type { FromClient, FromOracle, FromWorker, ToClient, ToOracle, ToWorker } from './protocol.js';

export type Worker = Child<ToWorker, FromWorker>;

/** What all courses share. */
export interface Cast {
  readonly oracle: Child<ToOracle, FromOracle>;
  readonly client: Child<ToClient, FromClient>;
  /** A worker process that is started and hosts nothing. */
  takeWorker(): Promise<Worker>;
  /** It left its home and is free for another one. */
  giveBack(worker: Worker): void;
}

const mainOf = (role: string): string => fileURLToPath(new URL(`./${role}.main.js`, import.meta.url));

/** The processes of a run: one oracle, one client, and workers, of which some are always warm. */
export class Processes implements Cast {
  readonly oracle = new Child<ToOracle, FromOracle>('oracle', mainOf('oracle'));
  readonly client = new Child<ToClient, FromClient>('client', mainOf('client'));
  private readonly warming: Promise<Worker>[] = [];
  private readonly alive = new Set<Worker>();
  private isStopped = false;

  /** @param spares workers that are kept warm beside those at work: starting one takes a second */
  constructor(private readonly spares: number) {}

  async start(): Promise<void> {
    this.refill();
    await Promise.all([
      this.oracle.until(isSaid<FromOracle, 'warm'>('warm')),
      this.client.until(isSaid<FromClient, 'warm'>('warm')),
    ]);
  }

  takeWorker(): Promise<Worker> {
    const worker = this.warming.shift() ?? this.startWorker();
    this.refill();
    return worker;
  }

  giveBack(worker: Worker): void {
    this.warming.unshift(Promise.resolve(worker));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all([...this.alive].map((worker) => worker.kill()));
    await Promise.all([this.oracle.kill(), this.client.kill()]);
  }

  private refill(): void {
    while (!this.isStopped && this.warming.length < this.spares) this.warming.push(this.startWorker());
  }

  private startWorker(): Promise<Worker> {
    const worker: Worker = new Child<ToWorker, FromWorker>('worker', mainOf('worker'));
    this.alive.add(worker);
    void worker.ended.then(() => this.alive.delete(worker));
    const warm = worker.until(isSaid<FromWorker, 'warm'>('warm')).then(() => worker);
    // Told to whoever takes it.
    warm.catch(() => undefined);
    return warm;
  }
}
