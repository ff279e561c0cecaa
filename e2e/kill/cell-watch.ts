import type pg from 'pg';
import { openPool } from '@dsops/database';
import { judgeEnd, type ExpectedEnd } from './end-judge.js';
import { Judge, type TriedLogin } from './judge.js';
import { throughOutage } from './outage.js';
import { RecordsReader, type RollbackTimes } from './records-reader.js';
import type { Breach, CellFacts, Records, Sight } from './sight.js';
import { TapReader } from './tap.js';
import { ObservedTarget, type Observed } from './observed-target.js';

/** Everything that the oracle needs to know of a cell. */
export interface WatchOptions {
  readonly facts: CellFacts;
  /** Of the superuser of our database. */
  readonly ourUrl: string;
  readonly observed: Observed;
  readonly keyFile: string;
  readonly tapFile: string;
  readonly pollMs: number;
}

export interface Verdict {
  readonly breaches: readonly Breach[];
  readonly state: string;
  /** How long CURRENT was refused; only in one slot may it be more than 0. */
  readonly windowMs: number;
  readonly looks: number;
  readonly logins: number;
  readonly rollback: RollbackTimes | null;
  /** Where the journal stands when something was broken; else empty. */
  readonly journal: readonly string[];
}

const JOURNAL_TAIL = 6;

/** While nothing is journalled, such as until a lease is over, it looks less often. */
const QUIET_AFTER_MS = 1_500;
const QUIET_FACTOR = 3;

/** Watches one credential from outside, on connections of its own, from its import to its end. */
export class CellWatch {
  private readonly judge: Judge;
  private readonly ours: pg.Pool;
  private readonly records: RecordsReader;
  private readonly target: ObservedTarget;
  private readonly tap: TapReader;
  private last: Records | null = null;
  private movedAtMs = 0;
  private looks = 0;
  private logins = 0;
  private isStopped = false;
  private running: Promise<void> = Promise.resolve();
  private looking: Promise<unknown> = Promise.resolve();
  /** Called with each reading of our records, in order. */
  onRecords: (records: Records) => void = () => undefined;

  constructor(private readonly options: WatchOptions) {
    this.judge = new Judge(options.facts);
    // What ends a connection is told by the statement that runs on it.
    this.ours = openPool({ connectionString: options.ourUrl, max: 2 });
    this.records = new RecordsReader(this.ours, options.keyFile);
    this.target = new ObservedTarget(options.observed);
    this.tap = new TapReader(options.tapFile);
  }

  start(): void {
    this.running = this.poll();
    // Told by `conclude`.
    this.running.catch(() => undefined);
  }

  /** A full look with logins, while nothing moves: at a point where the worker stands still, or after it was killed. */
  async lookClosely(): Promise<void> {
    const before = await this.look();
    const logins = await this.tryLogins();
    this.judge.compare(logins, before, await this.look());
  }

  async conclude(expected: ExpectedEnd): Promise<Verdict> {
    this.isStopped = true;
    await this.running;
    const before = await this.look();
    const logins = await this.tryLogins();
    const sight = await this.look();
    this.judge.compare(logins, before, sight);
    judgeEnd(this.judge, this.options.facts, expected, {
      sight,
      logins,
      tapped: this.tap.all(),
      events: await this.records.events(),
      leaks: await this.records.leaks(this.tap.values()),
    });
    const rollback = await this.records.rollback();
    const journal = this.judge.breaches.length > 0 ? await this.records.journalTail(JOURNAL_TAIL) : [];
    await this.close();
    const { breaches, windowMs } = this.judge;
    const state = sight.after.rotation?.state ?? 'never started';
    return { breaches, windowMs, state, looks: this.looks, logins: this.logins, rollback, journal };
  }

  async close(): Promise<void> {
    this.isStopped = true;
    await this.running.catch(() => undefined);
    await Promise.all([this.ours.end(), this.target.close()]);
  }

  private async poll(): Promise<void> {
    while (!this.isStopped) {
      await this.look();
      const isQuiet = Date.now() - this.movedAtMs > QUIET_AFTER_MS;
      const pauseMs = isQuiet ? QUIET_FACTOR * this.options.pollMs : this.options.pollMs;
      await new Promise((resume) => setTimeout(resume, pauseMs));
    }
  }

  /** One after the other: what one look saw last is what the next one saw first. */
  private look(): Promise<Sight> {
    const look = this.looking.then(() => this.lookOnce());
    this.looking = look.catch(() => undefined);
    return look;
  }

  private async lookOnce(): Promise<Sight> {
    const before = this.last ?? (await throughOutage(() => this.records.read()));
    const accepted = await this.target.accepted(() => this.tap.values());
    const atMs = Date.now();
    const after = await throughOutage(() => this.records.read());
    const sight = { before, accepted, atMs, after };
    if (before.rotation?.seq !== after.rotation?.seq) this.movedAtMs = atMs;
    this.last = after;
    this.looks += 1;
    this.judge.see(sight);
    this.onRecords(after);
    return sight;
  }

  /** Each value with each login, as an application would log in. */
  private async tryLogins(): Promise<TriedLogin[]> {
    const tried: TriedLogin[] = [];
    for (const login of new Set(this.options.facts.slots.map((slot) => slot.login)))
      for (const value of this.tap.values()) {
        tried.push({ login, value, isAccepted: (await this.target.logIn(login, value)) === 'accepted' });
        this.logins += 1;
      }
    return tried;
  }
}
