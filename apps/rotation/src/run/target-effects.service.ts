import { isDomainError, type DomainError } from '@dsops/kernel';
import { inContext, openSpan, type Logger } from '@dsops/platform';
import type {
  Administration,
  CommandOutcome,
  ConsumersSeen,
  Login,
  Probe,
  SessionIdentity,
  TargetDriver,
  TargetSession,
} from '@dsops/drivers/driver';
import type { Failure, Outcome, TargetEffect } from '../engine/journal.js';
import { slotOf, type Plan } from '../engine/plan.js';

/** What an effect needs beside its journalled words. Secrets live as long as the effect. */
export interface EffectInputs {
  readonly plan: Plan;
  readonly driver: TargetDriver;
  /** Null where the credential changes itself: `self` is its present login then. */
  readonly admin: Login | null;
  readonly self: Login | null;
  /** The login that is tried; the value that is set, or that is ended as far as the records have it. Null: none. */
  readonly login: Login | null;
}

export interface Performed {
  readonly outcome: Outcome;
  readonly durationMs: number;
  /** The session that was opened and is now held. */
  readonly opened: TargetSession | null;
}

/** How long a session may take to open, a command to be answered, and a session to be ended. */
const SESSION_LIMIT_MS = 15_000;
/** What a probe may take beyond its verification. */
const LOGIN_LIMIT_MS = 10_000;
/** A lease outlives its effect by this: time to journal the outcome. */
const LEASE_MARGIN_MS = 5_000;

const limitOf = (effect: TargetEffect, plan: Plan): number =>
  effect.do === 'probe' ? plan.verification.timeoutMs + LOGIN_LIMIT_MS : SESSION_LIMIT_MS;

/** The other slot, whose end our records show: nobody should be able to log in there. */
const expectedAt = ({ ends }: Extract<TargetEffect, { do: 'set' }>, { shape, oldVersion }: Plan) => ({
  isIdle: ends === null && shape === 'side-by-side' && oldVersion !== null,
});

/** A lease covers one effect. */
export const leaseFor = (effect: TargetEffect, plan: Plan): number => limitOf(effect, plan) + LEASE_MARGIN_MS;

/** As a session's: looking opens one of its own. */
export const LOOK_LEASE_MS = SESSION_LIMIT_MS + LEASE_MARGIN_MS;

const administrationOf = ({ plan, admin, self }: EffectInputs): Administration => ({
  target: plan.target,
  admin,
  ...(self && { self }),
});

const LATE = Symbol('late');

async function within<T>(work: Promise<T>, limitMs: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<typeof LATE>((done) => {
        timer = setTimeout(() => done(LATE), limitMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

const TIMED_OUT: Failure = {
  code: 'target_silent',
  about: 'target',
  message: 'The target did not answer in time.',
  remedy: 'See why the target is slow; dsops keeps trying.',
  isPassing: true,
};

/** Does what was journalled, once, and translates what came of it. Decides nothing. */
export class TargetEffects {
  constructor(private readonly logger: Logger) {}

  async perform(effect: TargetEffect, inputs: EffectInputs, held: TargetSession | null): Promise<Performed> {
    const startedAt = performance.now();
    const span = openSpan({
      name: `target ${effect.do}`,
      kind: 'client',
      attributes: { 'dsops.rotation': inputs.plan.rotationId },
    });
    const { outcome, opened } = await inContext({ traceparent: span.traceparent }, () =>
      this.run(effect, inputs, held),
    );
    span.end({ attributes: { 'dsops.outcome': outcome.kind } });
    return { outcome, opened: opened ?? null, durationMs: Math.round(performance.now() - startedAt) };
  }

  /** Who uses the login of a slot now. Changes nothing, so whatever keeps us from looking is an answer too. */
  async look(slot: string, inputs: EffectInputs): Promise<ConsumersSeen | { readonly notBecause: string }> {
    const { driver, plan } = inputs;
    try {
      const seen = await within(driver.consumers(administrationOf(inputs), [slotOf(plan, slot)]), SESSION_LIMIT_MS);
      return seen === LATE ? { notBecause: TIMED_OUT.message } : seen;
    } catch (error) {
      return { notBecause: this.failureOf(error).message };
    }
  }

  private async run(
    effect: TargetEffect,
    inputs: EffectInputs,
    held: TargetSession | null,
  ): Promise<{ outcome: Outcome; opened?: TargetSession }> {
    const limitMs = limitOf(effect, inputs.plan);
    switch (effect.do) {
      case 'probe':
        return { outcome: await this.probe(inputs, limitMs) };
      case 'open-session':
        return this.open(inputs, limitMs);
      case 'end-session':
        return { outcome: await this.end(inputs, effect.identity, limitMs) };
      case 'set':
        if (!inputs.login) throw new TypeError('A set has a login.');
        return {
          outcome: await this.command(
            held,
            (session) =>
              session.set(slotOf(inputs.plan, effect.slot), inputs.login!.password, expectedAt(effect, inputs.plan)),
            limitMs,
          ),
        };
      case 'retire':
        return {
          outcome: await this.command(
            held,
            (session) =>
              session.retire(slotOf(inputs.plan, effect.slot), inputs.login?.password ?? null, {
                endSessions: effect.endSessions,
              }),
            limitMs,
          ),
        };
    }
  }

  private async probe({ driver, plan, login }: EffectInputs, limitMs: number): Promise<Outcome> {
    if (!login) throw new TypeError('A probe has a login.');
    let answer: Probe | typeof LATE;
    try {
      answer = await within(driver.probe(plan.target, login, plan.verification), limitMs);
    } catch (error) {
      return { kind: 'probed', verdict: 'errored', isVerification: false, note: this.failureOf(error).message };
    }
    if (answer === LATE) return { kind: 'probed', verdict: 'errored', isVerification: false, note: TIMED_OUT.message };
    const { verdict, note, refusedBy } = answer;
    return { kind: 'probed', verdict, isVerification: verdict === 'refused' && refusedBy === 'verification', note };
  }

  private async open(inputs: EffectInputs, limitMs: number): Promise<{ outcome: Outcome; opened?: TargetSession }> {
    const opening = inputs.driver.openSession(administrationOf(inputs), inputs.plan.rotationId);
    try {
      const session = await within(opening, limitMs);
      if (session === LATE) {
        // Whatever opens now was never journalled, so nothing will be sent on it.
        void opening.then((late) => late.close()).catch(() => undefined);
        return { outcome: { kind: 'undone', failure: TIMED_OUT } };
      }
      return { outcome: { kind: 'opened', identity: session.identity }, opened: session };
    } catch (error) {
      return { outcome: { kind: 'undone', failure: this.failureOf(error) } };
    }
  }

  private async end(inputs: EffectInputs, identity: SessionIdentity, limitMs: number): Promise<Outcome> {
    try {
      const answer = await within(inputs.driver.endSession(administrationOf(inputs), identity), limitMs);
      return answer === LATE ? { kind: 'undone', failure: TIMED_OUT } : { kind: 'session-ended' };
    } catch (error) {
      return { kind: 'undone', failure: this.failureOf(error) };
    }
  }

  /** Sent once. Whatever is not a clear answer is a lost one (I5). */
  private async command(
    held: TargetSession | null,
    send: (session: TargetSession) => Promise<CommandOutcome>,
    limitMs: number,
  ): Promise<Outcome> {
    if (!held) throw new TypeError('A command is sent on a session that this worker holds.');
    let answer: CommandOutcome | typeof LATE;
    try {
      answer = await within(send(held), limitMs);
    } catch (error) {
      return { kind: 'lost', message: this.failureOf(error).message };
    }
    if (answer === LATE) return { kind: 'lost', message: TIMED_OUT.message };
    switch (answer.kind) {
      case 'applied':
        return { kind: 'applied' };
      case 'lost':
        return { kind: 'lost', message: answer.message };
      case 'refused': {
        const { code, message, remedy } = answer;
        return { kind: 'refused', failure: { code, message, remedy, about: 'target', isPassing: false } };
      }
    }
  }

  private failureOf(error: unknown): Failure {
    if (isDomainError(error)) return failureFrom(error);
    this.logger.error({ error }, 'an effect at a target failed in an unforeseen way');
    return {
      code: 'unforeseen',
      message: 'The effect failed in a way that dsops does not know.',
      remedy: 'See the log of dsops for this rotation.',
      isPassing: true,
    };
  }
}

const PASSING: ReadonlySet<DomainError['kind']> = new Set(['unavailable', 'rate_limited', 'internal']);

export const failureFrom = ({ code, kind, message, details }: DomainError): Failure => ({
  code,
  message,
  remedy: details.remedy ?? null,
  ...(details.about && { about: details.about }),
  isPassing: PASSING.has(kind),
});
