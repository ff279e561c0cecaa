import { verdictOf } from '@dsops/contracts/rotation/states';
import type { Entry, Outcome, TargetEffect } from './journal.js';
import { begin, evidenceKey, nextStep, type Change, type Rotation, type Told } from './rotation.js';

/** The rotation that a whole journal tells. */
export function fold(entries: readonly Entry[]): Rotation {
  const [first, ...rest] = entries;
  if (!first) throw new TypeError('A journal begins with its plan.');
  return rest.reduce(apply, begin(first));
}

/** One entry further. Knows nothing of rules: what an entry says has happened, has happened. */
export function apply(rotation: Rotation, entry: Entry): Rotation {
  if (entry.seq !== rotation.seq + 1) throw new TypeError(`Entry ${entry.seq} does not follow ${rotation.seq}.`);
  const before = withoutOldProofs(rotation, entry.atMs);
  return { ...before, ...tell(before, entry), seq: entry.seq, lastAtMs: entry.atMs };
}

/** When the clock was set back, old proofs would look fresh again: they are void. */
export const withoutOldProofs = (rotation: Rotation, nowMs: number): Rotation =>
  nowMs < rotation.lastAtMs ? { ...rotation, evidence: {} } : rotation;

function tell(rotation: Rotation, entry: Entry): Partial<Rotation> {
  switch (entry.kind) {
    case 'planned':
      throw new TypeError('A rotation is planned once.');
    case 'intended':
      return { inFlight: { effect: entry.effect, atMs: entry.atMs }, ...intend(rotation, entry.effect, entry.atMs) };
    case 'ended':
      if (!rotation.inFlight) throw new TypeError('An outcome follows its intent.');
      return { inFlight: null, ...conclude(rotation, rotation.inFlight.effect, entry.outcome, entry) };
    case 'abandoned':
      return { inFlight: null, ...abandon(rotation, entry.atMs) };
    case 'attempt-over':
      return { session: null, ...endAttempt(rotation, entry.atMs) };
    case 'not-landed':
      return {
        ...(rotation.change && { change: { ...rotation.change, outcome: 'not-landed' } }),
        ...(bringsNew(rotation) && { newValue: 'absent' }),
      };
    case 'generated':
      return {
        isGenerated: true,
        plan: { ...rotation.plan, newVersion: { ...rotation.plan.newVersion, name: entry.name } },
      };
    case 'labels-moved':
      return { current: entry.to };
    case 'labels-differ':
    case 'publish-differs':
      return { failure: entry.failure };
    case 'published':
      return { publishedAtMs: entry.atMs };
    case 'step':
      return finish(rotation, entry);
    case 'again':
      return {
        failure: null,
        evidence: {},
        tries: rotation.tries + 1,
        nextTryAtMs: entry.untilMs,
        ...(rotation.change?.outcome === 'refused' && answer(rotation, 'not-landed', null)),
      };
    case 'asked':
      return {
        failure: null,
        evidence: {},
        tries: rotation.tries + 1,
        nextTryAtMs: entry.untilMs ?? 0,
        asking: { ...entry.ask, untilMs: entry.untilMs },
      };
    case 'resumed':
      return {
        asking: null,
        tries: 0,
        nextTryAtMs: 0,
        ...(entry.by === 'person' && {
          ...toldBy(rotation, 'resume', entry),
          evidence: {},
          judged: rotation.asking ? [...rotation.judged, rotation.asking.code] : rotation.judged,
        }),
      };
    case 'waiting': {
      const step = nextStep(rotation);
      return step ? { waiting: { step, untilMs: entry.untilMs, reason: entry.reason } } : {};
    }
    case 'evidence-wanted':
      return { asked: { versionId: entry.versionId, atMs: entry.atMs, isAnswered: false } };
    case 'cleared': {
      const { versionId, consumers, checkOuts } = entry;
      const before = rotation.cleared?.versionId === versionId ? rotation.cleared : null;
      return {
        ...toldBy(rotation, 'clear', entry),
        asked: rotation.asked && { ...rotation.asked, isAnswered: true },
        cleared: { versionId, consumers, checkOuts: [...(before?.checkOuts ?? []), ...checkOuts] },
      };
    }
    case 'rollback-requested':
      return {
        ...toldBy(rotation, 'rollback', entry),
        request: { reason: entry.reason, actor: entry.actor },
        asking: null,
        tries: 0,
        nextTryAtMs: 0,
      };
    case 'turned':
      return {
        path: entry.path,
        done: [],
        change: null,
        failure: null,
        tries: 0,
        nextTryAtMs: 0,
        judged: [],
        waiting: null,
        publishedAtMs: null,
        turn: { trigger: entry.trigger, error: entry.error },
      };
    case 'concluded': {
      const { state, error, atMs } = entry;
      // Only a rollback that moved the labels back has steps behind its end: the new value is ended by them.
      const step = nextStep(rotation);
      const goesOn = state === 'rolled_back' && rotation.path === 'side-by-side-return' && step !== null;
      return {
        conclusion: { state, error, atMs },
        asking: null,
        waiting: null,
        isSettled: !goesOn,
        ...(step && finish(rotation, { step, outcome: state, note: error?.message ?? null, atMs })),
      };
    }
    case 'settled':
      return { isSettled: true, asking: null, waiting: null };
  }
}

/** What it waited for is looked at again once a person has said something. */
const toldBy = (
  { told }: Rotation,
  kind: Told['kind'],
  { actor, reason, atMs }: Omit<Told, 'kind'>,
): Pick<Rotation, 'told' | 'waiting'> => ({ told: [...told, { kind, actor, reason, atMs }], waiting: null });

/** A command voids what earlier probes showed of its slot, because from now on it may land at any moment. */
function intend(rotation: Rotation, effect: TargetEffect, atMs: number): Partial<Rotation> {
  // Counted before it is known to be wrong: a worker may die between the login and its answer.
  if (effect.do === 'probe') return { wrongLogins: [...rotation.wrongLogins, { slot: effect.slot, atMs }] };
  if (effect.do !== 'set' && effect.do !== 'retire') return {};
  const change: Change = {
    slot: effect.slot,
    live: effect.do === 'set' ? effect.versionId : null,
    sends: (rotation.change?.sends ?? 0) + 1,
    outcome: 'sent',
    failure: null,
  };
  return {
    change,
    // What a person judged was the state before this command.
    judged: [],
    session: rotation.session && { ...rotation.session, sentAtMs: atMs },
    evidence: withoutSlot(rotation, effect.slot),
    ...(effect.do === 'set' && effect.versionId === rotation.plan.newVersion.id && { newValue: 'possible' }),
    ...(effect.do === 'retire' && effect.versionId === rotation.plan.oldVersion?.id && { isRetireIntended: true }),
  };
}

function conclude(
  rotation: Rotation,
  effect: TargetEffect,
  outcome: Outcome,
  entry: { readonly seq: number; readonly atMs: number },
): Partial<Rotation> {
  switch (outcome.kind) {
    case 'probed': {
      if (effect.do !== 'probe') throw new TypeError('Only a probe is probed.');
      const key = evidenceKey(effect.subject, effect.slot, effect.versionId);
      const { verdict, isVerification } = outcome;
      return {
        evidence: {
          ...rotation.evidence,
          [key]: { verdict, isVerification, atMs: rotation.inFlight?.atMs ?? entry.atMs },
        },
        ...(effect.versionId && {
          known: { ...rotation.known, [effect.versionId]: verdictOf(verdict, isVerification) },
        }),
        ...((verdict === 'accepted' || isVerification) && { wrongLogins: withoutLast(rotation, effect.slot) }),
      };
    }
    case 'opened':
      if (effect.do !== 'open-session') throw new TypeError('Only a session is opened.');
      return { session: { seq: entry.seq, identity: outcome.identity, step: effect.step, sentAtMs: null } };
    case 'session-ended':
      return { session: null, ...endAttempt(rotation, entry.atMs) };
    case 'applied':
      return {
        session: null,
        ...answer(rotation, 'applied', null),
        ...changeLanded(rotation, entry.atMs),
        ...(bringsNew(rotation) && { newValue: 'present' }),
      };
    case 'refused':
      return {
        session: null,
        ...answer(rotation, 'refused', outcome.failure),
        ...(bringsNew(rotation) && { newValue: 'absent' }),
      };
    case 'lost':
      return {};
    case 'undone':
      return { failure: outcome.failure };
  }
}

/** Nobody says how the effect ended. A command stays open until its session can do nothing any more. */
function abandon(rotation: Rotation, atMs: number): Partial<Rotation> {
  const effect = rotation.inFlight?.effect;
  if (effect?.do !== 'set' && effect?.do !== 'retire') return {};
  return rotation.session ? {} : endAttempt(rotation, atMs);
}

/** The attempt can land no more. If its command had been sent, probes have to tell from now on whether it landed. */
function endAttempt(rotation: Rotation, atMs: number): Partial<Rotation> {
  if (rotation.change?.outcome !== 'sent') return {};
  return {
    ...answer(rotation, 'unknown', null),
    ...changeLanded(rotation, atMs),
    evidence: withoutSlot(rotation, rotation.change.slot),
  };
}

const answer = (rotation: Rotation, outcome: Change['outcome'], failure: Change['failure']): Partial<Rotation> =>
  rotation.change ? { change: { ...rotation.change, outcome, failure } } : {};

const changeLanded = ({ change, changed }: Rotation, atMs: number): Partial<Rotation> =>
  change ? { changed: { ...changed, [change.slot]: { atMs, live: change.live } } } : {};

const bringsNew = ({ change, plan }: Rotation): boolean => change?.live === plan.newVersion.id;

function withoutSlot({ evidence, plan }: Rotation, slot: string): Rotation['evidence'] {
  const inSlot = [plan.newVersion, plan.oldVersion, plan.occupant].filter((version) => version?.slot === slot);
  const void_ = new Set([evidenceKey('control', slot, null), ...inSlot.map((version) => version?.id)]);
  return Object.fromEntries(Object.entries(evidence).filter(([key]) => !void_.has(key)));
}

function withoutLast({ wrongLogins }: Rotation, slot: string): Rotation['wrongLogins'] {
  const last = wrongLogins.findLastIndex((login) => login.slot === slot);
  return wrongLogins.filter((_, index) => index !== last);
}

function finish(
  rotation: Rotation,
  entry: Pick<Extract<Entry, { kind: 'step' }>, 'step' | 'outcome' | 'note' | 'atMs'>,
): Partial<Rotation> {
  const before = rotation.steps.at(-1);
  const startedAtMs = before ? before.startedAtMs + before.durationMs : rotation.startedAtMs;
  const { step, outcome, note, atMs } = entry;
  return {
    done: [...rotation.done, step],
    change: null,
    tries: 0,
    nextTryAtMs: 0,
    judged: [],
    waiting: null,
    steps: [...rotation.steps, { name: step, outcome, note, startedAtMs, durationMs: Math.max(0, atMs - startedAtMs) }],
  };
}
