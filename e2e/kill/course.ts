import { addService, rollBack, startRotation, type Operation, type RequestOf } from '@dsops/contracts';
import { newId } from '@dsops/kernel';
import type { Verdict } from './cell-watch.js';
import type { Heir } from './cells.js';
import { isSaid, type Child } from './child.js';
import type { ClientReport } from './client-session.js';
import { Mailbox } from './mailbox.js';
import { pointKey, type FromClient, type FromOracle, type FromWorker, type Point, type ToClient, type ToOracle, type ToWorker } from './protocol.js'; // prettier-ignore
import { requestOnce } from './request.js';
import type { Scenario } from './scenarios.js';
import type { Breach } from './sight.js';
import { TapReader } from './tap.js';
import type { CellWorld } from './world.js';

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

export interface CourseSettings {
  /** Between two looks of the oracle while something moves. */
  readonly pollMs: number;
  /** How long a rotation may take, and how long after a kill. */
  readonly mostMs: number;
  /** The longest lease of a worker: a rival has to wait for that first. */
  readonly leaseMs: number;
}

export interface PlannedKill {
  /** Key of the point. */
  readonly at: string;
  readonly heir: Heir;
}

/** What became of one rotation. */
export interface Course {
  /** Points that were passed since the last kill. */
  readonly passed: readonly Point[];
  /** How many of the planned kills came to be. */
  readonly kills: number;
  /** From the last SIGKILL to a rotation that is over, by our records. */
  readonly recoveryMs: number | null;
  readonly verdict: Verdict;
  readonly client: ClientReport;
  /** Of the oracle, the client and the logs together. */
  readonly breaches: readonly Breach[];
}

type Happening =
  | { readonly is: 'standing'; readonly point: Point }
  | { readonly is: 'settled'; readonly atMs: number }
  | { readonly is: 'gone'; readonly how: string };

/** The last point of all comes right after the commit by which the rotation is over. */
const LAST_POINT_MS = 2_000;

/**
 * One rotation of a fresh credential, from its import to its end. The worker that reaches `killAt` stands still there,
 * is looked at, gets SIGKILL, is looked at again, and another process goes on.
 */
export class CourseRun {
  private passed: Point[] = [];
  private readonly happenings = new Mailbox<Happening>();
  private readonly tap: TapReader;
  /** Those that host the cell's service, the one that is going to be killed first. */
  private readonly workers = new Set<Worker>();
  private forget: (() => void)[] = [];
  private url: string | null = null;
  private logs = '';

  constructor(
    private readonly cast: Cast,
    private readonly settings: CourseSettings,
    private readonly scenario: Scenario,
    private readonly world: CellWorld,
  ) {
    this.tap = new TapReader(world.home.tapFile);
  }

  /** @param kills one process after the other: each stands still at its point and is killed there */
  async run(kills: readonly PlannedKill[]): Promise<Course> {
    try {
      return await this.runThrough(kills);
    } catch (error) {
      // In the middle of something: nobody else can use it.
      const workers = [...this.workers];
      this.workers.clear();
      await Promise.all(workers.map((worker) => worker.kill()));
      throw error;
    } finally {
      for (const forget of this.forget) forget();
      await this.leave();
    }
  }

  private async runThrough(kills: readonly PlannedKill[]): Promise<Course> {
    const { rollBackAt, expected, strategy } = this.scenario;
    const cell = this.world.service.name;
    const place = { environment: this.world.service.environment, service: cell };
    const waiting = [...kills];
    const stopAt = [rollBackAt, waiting[0]?.at ?? null].filter((stop) => stop !== null);
    await this.host(await this.cast.takeWorker(), { stopAt, isOnly: true });
    await this.request(addService, { body: this.world.service });
    await this.watch();
    this.cast.client.send({ do: 'begin', cell, service: cell, isInPlace: strategy === 'immediate', mayLoseNewValue: expected.current === 'imported' }); // prettier-ignore
    this.turnClient(this.url);

    const requests = [this.request(startRotation, { params: place, body: { onConflict: 'reject' } })];
    let killedAtMs: number | null = null;
    let overAtMs: number | null = null;
    let untilMs = performance.now() + this.settings.mostMs;
    // A rotation can be over and its worker not yet at the point after that.
    while (overAtMs === null || waiting.length > 0) {
      const happening = await this.happenings.next(overAtMs === null ? untilMs : performance.now() + LAST_POINT_MS);
      if (happening === null) break;
      if (happening.is === 'gone') throw new Error(`The worker process ended by itself: ${happening.how}`);
      if (happening.is === 'settled') overAtMs = happening.atMs;
      else if (pointKey(happening.point) === waiting[0]?.at) {
        const { heir } = waiting.shift()!;
        killedAtMs = await this.killFor(heir, waiting[0]?.at ?? null);
        untilMs = performance.now() + this.settings.mostMs + (heir === 'rival' ? this.settings.leaseMs : 0);
      } else {
        const wish = this.request(rollBack, { params: place, body: { reason: 'The kill test wants it back.', force: false } }); // prettier-ignore
        requests.push(wish.then(() => this.workers.forEach((worker) => worker.send({ do: 'go' }))));
      }
    }
    if (overAtMs !== null) await Promise.all(requests);
    return this.conclude(kills.length - waiting.length, killedAtMs, overAtMs);
  }

  private async host(
    worker: Worker,
    how: { readonly stopAt: readonly string[]; readonly isOnly: boolean },
  ): Promise<void> {
    this.workers.add(worker);
    worker.takeOutput();
    this.forget.push(
      worker.listen((said) => {
        if (said.is === 'passed' || said.is === 'standing') this.passed.push(said.point);
        if (said.is === 'standing') this.happenings.put({ is: said.is, point: said.point });
      }),
    );
    void worker.ended.then((end) => this.workers.has(worker) && this.happenings.put({ is: 'gone', how: end }));
    worker.send({ do: 'host', home: this.world.home, ...how });
    const { url } = await worker.until(isSaid<FromWorker, 'hosting'>('hosting'));
    this.url = url;
    this.turnClient(url);
  }

  /**
   * Kills the worker that stands still, and lets another one go on.
   * @param nextStop where that one is killed in its turn
   * @returns when the first one was dead
   */
  private async killFor(heir: Heir, nextStop: string | null): Promise<number> {
    const [victim] = this.workers;
    if (victim === undefined) throw new Error('There is nobody to kill.');
    // Taken before, so that starting a process is no part of the time to recover.
    const next = await this.cast.takeWorker();
    const stopAt = nextStop === null ? [] : [nextStop];
    if (heir === 'rival') await this.host(next, { stopAt, isOnly: false });
    await this.look();
    this.workers.delete(victim);
    if (heir === 'successor') this.turnClient((this.url = null));
    await victim.kill();
    const atMs = Date.now();
    this.logs += victim.takeOutput();
    await this.look();
    this.passed = [];
    if (heir === 'successor') await this.host(next, { stopAt, isOnly: true });
    return atMs;
  }

  private async watch(): Promise<void> {
    const { oracle } = this.cast;
    const { strategy, slots } = this.world.service.credential;
    const { name: cell } = this.world.service;
    const { ourUrl, targetUrl, target, keyFile, home } = this.world;
    const facts = { strategy, slots, graceMs: this.scenario.graceMs };
    this.forget.push(
      oracle.listen((said) => {
        if (said.is === 'settled' && said.cell === cell) this.happenings.put(said);
      }),
    );
    await this.ask({ do: 'watch', cell, options: { facts, ourUrl, targetUrl, target, keyFile, tapFile: home.tapFile, pollMs: this.settings.pollMs } }, 'watching'); // prettier-ignore
  }

  private look(): Promise<unknown> {
    return this.ask({ do: 'look', cell: this.world.service.name }, 'looked');
  }

  private ask<Is extends Exclude<FromOracle['is'], 'warm' | 'broken'>>(question: ToOracle, is: Is) {
    const isAnswer = (said: FromOracle): said is Extract<FromOracle, { is: Is }> => said.is === is && 'cell' in said && said.cell === question.cell; // prettier-ignore
    const answer = this.cast.oracle.until(isAnswer);
    this.cast.oracle.send(question);
    return answer;
  }

  private turnClient(url: string | null): void {
    this.cast.client.send({ do: 'turn-to', cell: this.world.service.name, url });
  }

  /** Asks until there is an answer, with the same Idempotency-Key, as whoever wants something done does. */
  private async request<O extends Operation>(operation: O, request: RequestOf<O>): Promise<void> {
    const key = newId();
    for (const untilMs = performance.now() + 3 * this.settings.mostMs; performance.now() < untilMs;) {
      const answer = this.url === null ? null : await requestOnce(this.url, operation, request, key);
      if (answer?.kind === 'answered') return;
      if (answer?.kind === 'refused') throw new Error(`${operation.id} was refused: ${answer.problem}`);
      await new Promise((resume) => setTimeout(resume, 50));
    }
    throw new Error(`${operation.id} was never answered.`);
  }

  private async conclude(kills: number, killedAtMs: number | null, overAtMs: number | null): Promise<Course> {
    const { name: cell } = this.world.service;
    const isEnded = (said: FromClient): said is Extract<FromClient, { is: 'ended' }> => said.is === 'ended' && said.cell === cell; // prettier-ignore
    const ended = this.cast.client.until(isEnded);
    this.cast.client.send({ do: 'end', cell });
    const { report } = await ended;
    const { verdict } = await this.ask({ do: 'conclude', cell, expected: this.scenario.expected }, 'concluded');
    for (const worker of this.workers) this.logs += worker.takeOutput();
    return {
      passed: this.passed,
      kills,
      recoveryMs: killedAtMs !== null && overAtMs !== null ? Math.max(0, overAtMs - killedAtMs) : null,
      verdict,
      client: report,
      breaches: [...verdict.breaches, ...report.breaches, ...this.leaksInLogs()],
    };
  }

  private leaksInLogs(): Breach[] {
    const isLeaked = this.tap.values().some((value) => this.logs.includes(value));
    return isLeaked ? [{ invariant: 'I10', detail: 'a log of the service holds a value' }] : [];
  }

  private async leave(): Promise<void> {
    const workers = [...this.workers];
    this.workers.clear();
    for (const worker of workers) {
      const left = worker.until(isSaid<FromWorker, 'left'>('left'));
      worker.send({ do: 'leave' });
      await left;
      this.cast.giveBack(worker);
    }
  }
}
