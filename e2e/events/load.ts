import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { unwrapSecret } from '@dsops/kernel';
import { eventually, type TestDatabase } from '@dsops/testing';
import { ServiceProcess } from './service-process.js';
import { Client } from './client.js';
import { lastCommands, poisonCommand, skewedCommands } from './commands.js';
import { judge, makeTables, type Verdict } from './oracle.js';
import { keysBehind } from './settled.js';

export interface LoadOptions {
  readonly database: TestDatabase;
  readonly commands: number;
  readonly keys: number;
  /** Share of events that the transport drops, doubles and delays, each. */
  readonly chaosRate: number;
  /** How many times a process is killed. */
  readonly kills: number;
  /** One event whose handler fails until somebody heals it. */
  readonly hasPoison: boolean;
}

/** Two of the same consumer share the work; the sleeper is down almost from the beginning to the end. */
const WORKER = 'worker';
const SLEEPER = 'sleeper';
const CONSUMERS = [WORKER, SLEEPER];

/** Impatient, because a test has no time: leases, looks and sweeps that take seconds in production. */
const MESSAGING = {
  relay: { leaseMs: 2_000, pollMs: 100, keepSentMs: 0, pruneEveryMs: 1_000 },
  sweep: { everyMs: 500, fullEveryMs: 5_000 },
  consumer: { duePollMs: 50 },
};

/** The load on the embedded transport: producers and workers are killed at random, and the transport lies. */
export class Load {
  private readonly producers: ServiceProcess[] = [];
  private readonly workers: ServiceProcess[] = [];
  private readonly client = new Client(this.producers);

  private constructor(
    private readonly options: LoadOptions,
    readonly admin: pg.Client,
    private readonly sleeper: ServiceProcess,
  ) {}

  static async prepare(options: LoadOptions): Promise<Load> {
    const admin = new pg.Client({ connectionString: options.database.adminUrl });
    await admin.connect();
    await makeTables(admin);
    const { host, port, database, password } = options.database.options;
    const common = {
      database: { host, port, database, password: unwrapSecret(password), poolSize: 12 },
      consumers: [
        { name: WORKER, takes: 'each' },
        { name: SLEEPER, takes: 'together' },
      ],
      transport: { kind: 'embedded', chaosRate: options.chaosRate },
      token: 'token of the load proof',
      messaging: MESSAGING,
    };
    const consumer = (name: string) => new ServiceProcess({ ...common, role: 'consumer', name, hosts: [name] });
    const load = new Load(options, admin, consumer(SLEEPER));
    for (const nth of [0, 1]) {
      load.producers.push(
        new ServiceProcess({ ...common, role: 'producer', name: `producer ${nth}`, hosts: [] }, load.client.listeners),
      );
      load.workers.push(consumer(WORKER));
    }
    return load;
  }

  /** Sends every command until each is acknowledged, while processes die and come back. Answers the seconds it took. */
  async run(): Promise<{ commands: number; settled: number }> {
    await Promise.all(this.children.map((child) => this.start(child)));
    await eventually(async () => {
      const { rowCount } = await this.admin.query('select from delivery.subscriptions');
      if (rowCount !== 2) throw new Error('not every consumer has subscribed');
    }, 20_000);
    await this.sleeper.kill(); // it has subscribed, and is away while everything happens and is pruned

    const startedAt = performance.now();
    const [commands] = await Promise.all([this.performAll(startedAt), this.killAtRandom()]);
    await this.start(this.sleeper);
    if (this.options.hasPoison) await this.healPoison();
    await eventually(async () => {
      const behind = await keysBehind(this.admin, CONSUMERS);
      if (behind > 0) throw new Error(`${behind} keys are still behind`);
    }, 120_000);
    return { commands, settled: (performance.now() - startedAt) / 1_000 };
  }

  judge(): Promise<Verdict> {
    return judge(this.admin, this.client.acknowledged, CONSUMERS);
  }

  async end(): Promise<void> {
    this.client.stop();
    await Promise.all(this.children.map((child) => child.stop()));
    await this.admin.end();
  }

  private get children(): readonly ServiceProcess[] {
    return [...this.producers, ...this.workers, this.sleeper];
  }

  /** Starts a process, and tells everybody where the producers listen now. */
  private async start(child: ServiceProcess): Promise<void> {
    await child.start();
    const urls = this.producers.map(({ url }) => url).filter((url) => url !== '');
    for (const each of this.children) each.tell(urls);
  }

  /** Answers the seconds that it took. */
  private async performAll(startedAt: number): Promise<number> {
    const { commands, keys, hasPoison } = this.options;
    const all = skewedCommands(commands - keys, keys);
    if (hasPoison) all[100] = poisonCommand(keys);
    await this.client.perform(all);
    await this.client.perform(lastCommands(keys));
    return (performance.now() - startedAt) / 1_000;
  }

  /** Each kill hits somebody at random, at a random point of the work, in the middle of whatever is going on there. */
  private async killAtRandom(): Promise<void> {
    const all = [...this.producers, ...this.workers];
    const points = Array.from({ length: this.options.kills }, () => Math.random() * this.options.commands * 0.9);
    for (const point of points.toSorted((a, b) => a - b)) {
      while (this.client.count < point) await pause(Math.random() * 50);
      const victim = all[Math.floor(Math.random() * all.length)]!;
      await victim.kill();
      await this.start(victim);
    }
  }

  /** Both consumers have given up on the poison event; its cause is removed, and the letters are replayed. */
  private async healPoison(): Promise<void> {
    const letters = await eventually(async () => {
      const { rows } = await this.admin.query<{ id: string; consumer: string }>(
        "select id, consumer from notification.dead_letters where status = 'open'",
      );
      if (new Set(rows.map(({ consumer }) => consumer)).size < 2) throw new Error('the poison is not found yet');
      return rows;
    }, 60_000);
    await this.admin.query('insert into notification.healed values (now())');
    for (const { id, consumer } of letters) await (consumer === SLEEPER ? this.sleeper : this.workers[0]!).replay(id);
  }
}
