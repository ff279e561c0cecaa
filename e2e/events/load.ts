import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { unwrapSecret } from '@dsops/kernel';
import { eventually, type TestDatabase } from '@dsops/testing';
import { Child, type Command } from './child.js';

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

export interface LoadResult {
  readonly acknowledged: readonly Command[];
  readonly seconds: { commands: number; settled: number };
}

/** Keys with a hot one: the k-th is chosen with a weight of 1/k. */
function skewedKeys(count: number): () => string {
  const sums: number[] = [];
  for (let k = 1; k <= count; k += 1) sums.push((sums.at(-1) ?? 0) + 1 / k);
  return () => {
    const drawn = Math.random() * sums.at(-1)!;
    return `key-${sums.findIndex((sum) => drawn < sum)}`;
  };
}

function commandsOf({ commands, keys, hasPoison }: LoadOptions): Command[] {
  const draw = skewedKeys(keys);
  const all: Command[] = Array.from({ length: commands - keys }, (_, n) => {
    const [first, second] = [draw(), draw()];
    // One in ten takes two keys, in an order of its own.
    const taken = n % 10 === 0 && first !== second ? [first, second] : [first];
    return { id: randomUUID(), text: `${hasPoison && n === 100 ? 'poison' : 'do'} ${n}`, keys: taken };
  });
  return all;
}

/** The last event of every key. The transport loses each of them for certain. */
const lastCommands = (keys: number): Command[] =>
  Array.from({ length: keys }, (_, n) => ({ id: randomUUID(), text: `last ${n}`, keys: [`key-${n}`] }));

export class Load {
  private readonly producers: Child[] = [];
  private readonly workers: Child[] = [];
  private readonly acknowledged = new Map<string, Command>();
  private queue: Command[] = [];
  private readonly sent = new Map<string, Command>();
  private isOver = false;

  private constructor(
    private readonly options: LoadOptions,
    readonly admin: pg.Client,
    private readonly sleeper: Child,
  ) {}

  static async prepare(options: LoadOptions): Promise<Load> {
    const admin = new pg.Client({ connectionString: options.database.adminUrl });
    await admin.connect();
    await admin.query(`
      create table rotation.commands (id text primary key);
      create table notification.effects (nth bigint generated always as identity, consumer text not null, key text not null,
                                         sequence bigint not null, command text not null);
      create table notification.healed (at timestamptz);
      grant select, insert on rotation.commands to dsops_rotation;
      grant select, insert on notification.effects, notification.healed to dsops_notification`);
    const { host, port, database, password } = options.database.options;
    const common = { database: { host, port, database, password: unwrapSecret(password) }, consumers: [WORKER, SLEEPER], chaosRate: options.chaosRate }; // prettier-ignore
    const silent = () => undefined;
    const load = new Load(options, admin, new Child({ ...common, role: 'consumer', name: SLEEPER }, silent, silent)); // prettier-ignore
    for (const nth of [0, 1]) {
      const onDone = (id: string) => load.acknowledge(id);
      const onOpen = (command: Command) => load.queue.push(command);
      load.producers.push(new Child({ ...common, role: 'producer', name: `producer ${nth}` }, onDone, onOpen)); // prettier-ignore
      load.workers.push(new Child({ ...common, role: 'consumer', name: WORKER }, silent, silent));
    }
    return load;
  }

  /** Sends every command until each is acknowledged, while processes die and come back. */
  async run(): Promise<LoadResult> {
    await Promise.all(this.children.map((child) => this.start(child)));
    await eventually(async () => {
      const { rowCount } = await this.admin.query('select from delivery.subscriptions');
      if (rowCount !== 2) throw new Error('not every consumer has subscribed');
    }, 20_000);
    await this.sleeper.kill(); // it has subscribed, and is away while everything happens and is pruned

    const startedAt = performance.now();
    const [commandsSeconds] = await Promise.all([this.performAll(startedAt), this.killAtRandom()]);
    await this.start(this.sleeper);
    if (this.options.hasPoison) await this.healPoison();
    await this.untilSettled();
    const seconds = { commands: commandsSeconds, settled: (performance.now() - startedAt) / 1_000 };
    return { acknowledged: [...this.acknowledged.values()], seconds };
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.children.map((child) => child.stop()));
    await this.admin.end();
  }

  private get children(): readonly Child[] {
    return [...this.producers, ...this.workers, this.sleeper];
  }

  /** Starts a process, and tells everybody where the producers listen now. */
  private async start(child: Child): Promise<void> {
    await child.start();
    const urls = this.producers.map(({ url }) => url).filter((url) => url !== '');
    for (const each of this.children) each.tell(urls);
  }

  /** Answers the seconds that it took. */
  private async performAll(startedAt: number): Promise<number> {
    await this.perform(commandsOf(this.options));
    await this.perform(lastCommands(this.options.keys));
    this.isOver = true;
    return (performance.now() - startedAt) / 1_000;
  }

  private acknowledge(id: string): void {
    const command = this.sent.get(id);
    if (command !== undefined) this.acknowledged.set(id, command);
  }

  private async perform(commands: readonly Command[]): Promise<void> {
    const goal = this.acknowledged.size + commands.length;
    for (const command of commands) this.sent.set(command.id, command);
    this.queue.push(...commands.toReversed());
    while (this.acknowledged.size < goal && !this.isOver) {
      for (const producer of this.producers)
        while (producer.room > 0 && this.queue.length > 0) producer.send(this.queue.pop()!);
      await new Promise((done) => setTimeout(done, 2));
    }
  }

  /** Each kill hits somebody at random, at a random point of the work, in the middle of whatever is going on there. */
  private async killAtRandom(): Promise<void> {
    const all = [...this.producers, ...this.workers];
    const points = Array.from({ length: this.options.kills }, () => Math.random() * this.options.commands * 0.9);
    for (const point of points.toSorted((a, b) => a - b)) {
      while (this.acknowledged.size < point) await new Promise((done) => setTimeout(done, Math.random() * 50));
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

  /** Until both consumers stand at the head of every key. */
  private async untilSettled(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const { rows } = await this.admin.query<{ open: string }>(
        `select count(*) as open from rotation.sequence_counters s
          cross join (values ('${WORKER}'), ('${SLEEPER}')) as c(name)
          where not exists (select from notification.consumer_cursors k
                             where k.consumer = c.name and k.topic = s.topic and k.key = s.key and k.sequence = s.head)`,
      );
      if (rows[0]!.open === '0') return;
      if (tries === 600) throw new Error(`${rows[0]!.open} keys are still behind`);
      await new Promise((done) => setTimeout(done, 200));
    }
  }
}
