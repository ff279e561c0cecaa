import { checkOut } from '@dsops/contracts/rotation/api';
import { newId } from '@dsops/kernel';
import { requestOnce } from './request.js';
import type { Breach } from './sight.js';
import { ObservedTarget, type Observed } from './observed-target.js';

/** What an application saw that knows nothing but the check-out. */
export interface ClientReport {
  readonly checkOuts: number;
  readonly logins: number;
  /** Logins that the target accepted or refused. */
  readonly judged: number;
  /** Logins that the target refused, most of all within the window of one slot. */
  readonly refused: number;
  readonly breaches: readonly Breach[];
}

export interface ClientOptions {
  readonly environment: string;
  readonly service: string;
  /** Where it logs in: not by the way on which the service meets its faults. */
  readonly target: Observed;
  /** In one slot a value may be refused while it is held: the strategy says so, and the window is measured. */
  readonly isInPlace: boolean;
  /** The rotation is going to be rolled back: every value but this one may end while it is held. Null: none may. */
  readonly survivor: string | null;
}

/** Short, because the old value lives at least until its last check-out is over. The shortest that there is. */
export const CHECK_OUT_TTL_MS = 1_000;
const RENEW_EVERY_MS = 500;
const LOG_IN_EVERY_MS = 120;
/** A target that crashed takes logins again by then. */
const BACK_WITHIN_MS = 15_000;

interface Held {
  readonly user: string;
  readonly password: string;
  readonly version: string;
  readonly heldUntilMs: number;
}

/** An application: checks CURRENT out again and again, logs in with it all the time, and keeps it while dsops is down. */
export class ClientSession {
  private url: string | null = null;
  private held: Held | null = null;
  private isEnded = false;
  private running: Promise<void>[] = [];
  private readonly seen = { checkOuts: 0, logins: 0, judged: 0, refused: 0 };
  private readonly breaches: Breach[] = [];

  private readonly target: ObservedTarget;

  constructor(private readonly options: ClientOptions) {
    this.target = new ObservedTarget(options.target);
  }

  start(): void {
    this.running = [this.every(RENEW_EVERY_MS, () => this.renew()), this.every(LOG_IN_EVERY_MS, () => this.work())];
    // Told by `end`.
    for (const one of this.running) one.catch(() => undefined);
  }

  turnTo(url: string | null): void {
    this.url = url;
  }

  async end(): Promise<ClientReport> {
    this.isEnded = true;
    await Promise.all(this.running);
    await this.workOnceMore();
    await this.target.close();
    // A client that could judge nothing has shown nothing.
    if (this.seen.logins > 0 && this.seen.judged === 0)
      this.breaches.push({ invariant: 'client', detail: `none of its ${this.seen.logins} logins was answered` });
    return { ...this.seen, breaches: this.breaches };
  }

  /** Of a rotation that was over at once, the target may have been away the whole time: it is asked when it is back. */
  private async workOnceMore(): Promise<void> {
    const untilMs = Date.now() + BACK_WITHIN_MS;
    while (this.seen.logins > 0 && this.seen.judged === 0 && Date.now() < untilMs) {
      await this.work();
      await new Promise((resume) => setTimeout(resume, LOG_IN_EVERY_MS));
    }
  }

  private async every(pauseMs: number, work: () => Promise<void>): Promise<void> {
    while (!this.isEnded) {
      await work();
      await new Promise((resume) => setTimeout(resume, pauseMs));
    }
  }

  private async renew(): Promise<void> {
    if (this.url === null) return;
    const { environment, service } = this.options;
    const request = {
      params: { environment, service },
      body: { ttl: `${CHECK_OUT_TTL_MS}ms`, purpose: 'kill client' },
    };
    const askedAtMs = Date.now();
    const answer = await requestOnce(this.url, checkOut, request, newId());
    // Killed, standing still, or the value is being replaced right now: what is held goes on.
    if (answer.kind !== 'answered') return;
    const { user, password, version, expiresAt } = answer.body;
    this.seen.checkOuts += 1;
    // By a clock that was set ahead it seems to be held for longer than it was asked for.
    const heldUntilMs = Math.min(Date.parse(expiresAt), askedAtMs + CHECK_OUT_TTL_MS);
    this.held = { user, password, version, heldUntilMs };
  }

  private async work(): Promise<void> {
    const held = this.held;
    if (held === null) return;
    this.seen.logins += 1;
    // A server that is away says nothing about a value.
    const answer = await this.target.logInOnce(held.user, held.password).catch(() => null);
    if (answer !== null) this.seen.judged += 1;
    if (answer !== 'refused') return;
    this.seen.refused += 1;
    const { isInPlace, survivor } = this.options;
    const isForgiven = isInPlace || (survivor !== null && held.password !== survivor);
    if (isForgiven || Date.now() > held.heldUntilMs) return;
    const detail = `the client was refused with ${held.version}, which it had checked out`;
    if (!this.breaches.some((known) => known.detail === detail)) this.breaches.push({ invariant: 'I4', detail });
  }
}
