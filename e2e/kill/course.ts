import type { Operation, RequestOf } from '@dsops/contracts/define-operation';
import { addService, rollBack, startRotation } from '@dsops/contracts/rotation/api';
import { newId } from '@dsops/kernel';
import type { Cast, Worker } from './cast.js';
import type { Verdict } from './cell-watch.js';
import { isSaid } from '../harness/child.js';
import type { ClientReport } from './client-session.js';
import { requestOf, type Fault } from './faults.js';
import { Mailbox } from './mailbox.js';
import { pointKey, type FromClient, type FromOracle, type FromWorker, type Point, type ToOracle } from './protocol.js';
import { requestOnce } from './request.js';
import type { Scenario } from './scenarios.js';
import type { Breach } from './sight.js';
import { TapReader } from './tap.js';
import type { CellWorld } from './world.js';

/** The longest lease that a worker takes with the limits of the harness: two answers of the target and a margin. */
export const LEASE_MS = 20_000;

/** Between two looks of the oracle while something moves. */
const POLL_MS = 40;
/** How long a rotation may take, and how long after a kill. */
const MOST_MS = 60_000;

export type PlannedFault =
  /** At the point with this key. */
  | { readonly at: string; readonly fault: Fault }
  /** SIGKILL this long after the rotation was asked for, wherever it is then; another process goes on. */
  | { readonly afterMs: number };

/** What became of one rotation. */
export interface Course {
  /** Points that were passed since the last kill. */
  readonly passed: readonly Point[];
  /** How many of the planned faults came to be: were seen to have happened, where they were to happen. */
  readonly faults: number;
  /** From the last fault to a rotation that is over, by our records. */
  readonly recoveryMs: number | null;
  /** From the request to a rotation that is over. */
  readonly durationMs: number | null;
  readonly verdict: Verdict;
  readonly client: ClientReport;
  /** Of the oracle, the client and the logs together. */
  readonly breaches: readonly Breach[];
}

type Happening =
  | { readonly is: 'standing'; readonly point: Point }
  | { readonly is: 'settled'; readonly atMs: number }
  | { readonly is: 'moment' }
  | { readonly is: 'gone'; readonly how: string };

interface HostingRules {
  readonly stopAt: readonly string[];
  readonly isOnly: boolean;
}

interface Strike {
  readonly isDone: boolean;
  readonly atMs: number;
}

const needsAnother = (fault: PlannedFault): boolean =>
  'afterMs' in fault || fault.fault === 'killed' || fault.fault === 'killed-by-lease' || fault.fault === 'paused';

/** The last point of all comes right after the commit by which the rotation is over. */
const LAST_POINT_MS = 2_000;

/**
 * One rotation of a fresh credential, from its import to its end. The worker that reaches the point of a fault stands
 * still there and is looked at; then the fault happens, and whoever is left goes on.
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
  /** What is done when a worker stands still at a point that nobody waits for. */
  private onStanding: (() => Promise<void>) | null = null;
  private isArmed = false;
  /** One for each fault that needs somebody to go on: a fault that has to wait for a process comes too late. */
  private readonly reserve: Promise<Worker>[] = [];

  constructor(
    private readonly cast: Cast,
    private readonly scenario: Scenario,
    private readonly world: CellWorld,
  ) {
    this.tap = new TapReader(world.home.tapFile);
  }

  /** @param faults one after the other */
  async run(faults: readonly PlannedFault[]): Promise<Course> {
    try {
      return await this.runThrough(faults);
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

  private async runThrough(faults: readonly PlannedFault[]): Promise<Course> {
    const { rollBackAt, expected, shape } = this.scenario;
    const { service, observed } = this.world;
    const cell = service.name;
    const place = { environment: service.environment, service: cell };
    const waiting = faults.filter((fault) => 'at' in fault);
    const stopAt = [rollBackAt, waiting[0]?.at ?? null].filter((stop) => stop !== null);
    await this.host(await this.cast.takeWorker(), { stopAt, isOnly: true });
    for (const fault of faults) if (needsAnother(fault)) this.reserve.push(this.cast.takeWorker());
    await Promise.all(this.reserve);
    await this.request(addService, { body: service });
    await this.watch();
    this.cast.client.send({
      do: 'begin',
      cell,
      service: cell,
      target: observed,
      isInPlace: shape === 'in-place',
      survivor: expected.current === 'imported' ? (service.current?.password ?? null) : null,
    });
    this.turnClient(this.url);

    const requests: Promise<void>[] = [];
    const ask = (request: Promise<void>) => {
      requests.push(request);
      // Told by whoever waits for it; a course that breaks off before waits for nothing.
      request.catch(() => undefined);
    };
    ask(this.request(startRotation, { params: place, body: { onConflict: 'reject' } }));
    const askedAtMs = Date.now();
    for (const fault of faults)
      if ('afterMs' in fault) setTimeout(() => this.happenings.put({ is: 'moment' }), fault.afterMs);
    let done = 0;
    let struckAtMs: number | null = null;
    let overAtMs: number | null = null;
    let untilMs = performance.now() + MOST_MS;
    // A rotation can be over and its worker not yet at the point after that.
    while (overAtMs === null || waiting.length > 0) {
      const happening = await this.happenings.next(overAtMs === null ? untilMs : performance.now() + LAST_POINT_MS);
      if (happening === null) break;
      if (happening.is === 'gone') throw new Error(`The worker process ended by itself: ${happening.how}`);
      if (happening.is === 'settled') overAtMs = happening.atMs;
      else if (happening.is === 'moment') {
        if (overAtMs !== null) continue;
        ({ atMs: struckAtMs } = await this.kill({ stopAt: [], isOnly: true }));
        done += 1;
      } else if (pointKey(happening.point) === waiting[0]?.at) {
        const { fault } = waiting.shift()!;
        const strike = await this.strike(fault, happening.point, waiting[0]?.at ?? null);
        struckAtMs = strike.atMs;
        done += Number(strike.isDone);
        untilMs = performance.now() + MOST_MS + LEASE_MS;
      } else if (this.onStanding) {
        const act = this.onStanding;
        this.onStanding = null;
        await act();
      } else {
        const wish = this.request(rollBack, { params: place, body: { reason: 'The kill test wants it back.' } });
        ask(wish.then(() => this.go()));
      }
    }
    if (overAtMs !== null) await Promise.all(requests);
    // A proxy that was armed and never saw what it waited for has done nothing.
    if (this.isArmed && this.world.proxy.fired.length === 0) done -= 1;
    // Nor has a kill at an instant at which the rotation was over already, which was only not known yet.
    if (faults.some((fault) => 'afterMs' in fault) && done > 0 && overAtMs !== null && overAtMs <= struckAtMs!)
      done -= 1;
    return this.conclude(done, askedAtMs, struckAtMs, overAtMs);
  }

  private async host(worker: Worker, how: HostingRules): Promise<void> {
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

  /** @param at only whoever stands at this point */
  private go(at: Point | null = null, toNext = false): void {
    for (const worker of this.workers) worker.send({ do: 'go', at: at && pointKey(at), toNext });
  }

  /**
   * Lets a fault happen to the worker that stands still.
   * @param nextStop where the next fault waits for whoever goes on
   * @returns whether it is certain to have happened at this point, and when
   */
  private async strike(fault: Fault, point: Point, nextStop: string | null): Promise<Strike> {
    const { world } = this;
    const stopAt = nextStop === null ? [] : [nextStop];
    await this.look();
    const isDone = this.isStillAt(point);
    const atMs = Date.now();
    switch (fault) {
      case 'killed':
        return this.kill({ stopAt, isOnly: true }, point);
      case 'killed-by-lease':
        return this.kill({ stopAt, isOnly: false }, point);
      case 'paused': {
        const isTaken = await this.pause(stopAt);
        return { isDone: isDone && isTaken, atMs };
      }
      case 'answer-lost':
      case 'answer-late': {
        const when = requestOf(point, world.commandMark);
        const kind = fault === 'answer-lost' ? 'lose-answer' : 'hold-request';
        world.proxy.arm({ kind, client: 'reset', ...(when !== undefined && { when }) });
        this.isArmed = true;
        // Late means: when the worker has noticed and is about to do something about it.
        if (fault === 'answer-late')
          this.onStanding = async () => {
            world.proxy.release();
            await this.look();
            this.go();
          };
        break;
      }
      case 'target-restarted':
        await world.restartTarget();
        break;
      case 'database-restarted':
        await world.restartDatabase();
        break;
      case 'clock-ahead':
        // What is given out before anybody has noticed is held for two hours more: safe, and too long for a test.
        this.turnClient(null);
        await this.look();
        await world.setClockAhead();
        await Promise.all([...this.workers].map((worker) => worker.untilLogged('clock of the database was set ahead')));
        await this.look();
        this.turnClient(this.url);
        break;
    }
    // A rotation that stands aside for a request of a person waits until that is answered.
    this.go(point, fault === 'answer-late');
    return { isDone, atMs };
  }

  /**
   * Whether nobody went on since the worker began to stand at this point. It keeps its lease only for as long as an effect
   * may take; on a machine that is too busy to strike before that, its process takes the rotation up again and goes on.
   */
  private isStillAt(point: Point): boolean {
    return this.passed.at(-1) === point;
  }

  /**
   * Kills the worker and lets another one go on.
   * @param at where it stands still; else it is killed wherever it is
   * @returns `atMs`: when it was dead
   */
  private async kill(how: HostingRules, at?: Point): Promise<Strike> {
    const [victim] = this.workers;
    if (victim === undefined) throw new Error('There is nobody to kill.');
    const next = await this.takeReserve();
    if (!how.isOnly) await this.host(next, how);
    this.workers.delete(victim);
    if (how.isOnly) this.turnClient((this.url = null));
    await victim.kill();
    const atMs = Date.now();
    const isDone = at === undefined || this.isStillAt(at);
    this.logs += victim.takeOutput();
    await this.look();
    this.passed = [];
    if (how.isOnly) await this.host(next, how);
    return { isDone, atMs };
  }

  /**
   * Stops the worker where it stands until another one has taken over, and wakes it in the middle of that one's work.
   * @returns whether the other one has
   */
  private async pause(stopAt: readonly string[]): Promise<boolean> {
    const [sleeper] = this.workers;
    if (sleeper === undefined) throw new Error('There is nobody to pause.');
    const rival = await this.takeReserve();
    sleeper.pause();
    const takesOver = rival.until(isSaid<FromWorker, 'passed' | 'standing'>('passed', 'standing'), 3 * LEASE_MS);
    const isTaken = takesOver.then(
      () => true,
      () => false,
    );
    this.passed = [];
    await this.host(rival, { stopAt, isOnly: false });
    const isDone = await isTaken;
    sleeper.wake();
    sleeper.send({ do: 'go', at: null, toNext: false });
    return isDone;
  }

  private takeReserve(): Promise<Worker> {
    return this.reserve.shift() ?? this.cast.takeWorker();
  }

  private async watch(): Promise<void> {
    const { oracle } = this.cast;
    const { name: cell } = this.world.service;
    const { slots, ourUrl, observed, keyFile, home } = this.world;
    const { shape, graceMs } = this.scenario;
    const facts = { isInPlace: shape === 'in-place', slots, graceMs };
    this.forget.push(
      oracle.listen((said) => {
        if (said.is === 'settled' && said.cell === cell) this.happenings.put(said);
      }),
    );
    await this.ask(
      {
        do: 'watch',
        cell,
        options: { facts, ourUrl, observed, keyFile, tapFile: home.tapFile, pollMs: POLL_MS },
      },
      'watching',
    );
  }

  private look(): Promise<unknown> {
    return this.ask({ do: 'look', cell: this.world.service.name }, 'looked');
  }

  private ask<Is extends Exclude<FromOracle['is'], 'warm' | 'broken'>>(question: ToOracle, is: Is) {
    const isAnswer = (said: FromOracle): said is Extract<FromOracle, { is: Is }> =>
      said.is === is && 'cell' in said && said.cell === question.cell;
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
    for (const untilMs = performance.now() + 3 * MOST_MS; performance.now() < untilMs;) {
      const answer = this.url === null ? null : await requestOnce(this.url, operation, request, key);
      if (answer?.kind === 'answered') return;
      if (answer?.kind === 'refused') throw new Error(`${operation.id} was refused: ${answer.problem}`);
      await new Promise((resume) => setTimeout(resume, 50));
    }
    throw new Error(`${operation.id} was never answered.`);
  }

  private async conclude(
    faults: number,
    askedAtMs: number,
    struckAtMs: number | null,
    overAtMs: number | null,
  ): Promise<Course> {
    const { name: cell } = this.world.service;
    const isEnded = (said: FromClient): said is Extract<FromClient, { is: 'ended' }> =>
      said.is === 'ended' && said.cell === cell;
    const ended = this.cast.client.until(isEnded);
    this.cast.client.send({ do: 'end', cell });
    const { report } = await ended;
    const unheard = await this.world.judgeEvents();
    const { verdict } = await this.ask({ do: 'conclude', cell, expected: this.scenario.expected }, 'concluded');
    for (const worker of this.workers) this.logs += worker.takeOutput();
    return {
      passed: this.passed,
      faults,
      recoveryMs: struckAtMs !== null && overAtMs !== null ? Math.max(0, overAtMs - struckAtMs) : null,
      durationMs: overAtMs !== null ? overAtMs - askedAtMs : null,
      verdict,
      client: report,
      breaches: [...verdict.breaches, ...report.breaches, ...unheard, ...this.leaksInLogs()],
    };
  }

  private leaksInLogs(): Breach[] {
    const isLeaked = this.tap.values().some((value) => this.logs.includes(value));
    return isLeaked ? [{ invariant: 'I10', detail: 'a log of the service holds a value' }] : [];
  }

  private async leave(): Promise<void> {
    for (const unused of this.reserve.splice(0)) this.cast.giveBack(await unused);
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
