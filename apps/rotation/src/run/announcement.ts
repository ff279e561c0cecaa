import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import { systemActor, type Actor } from '@dsops/contracts/principal';
import {
  rotationCleared,
  rotationCompleted,
  rotationEvidenceWanted,
  rotationFailed,
  rotationNeedsOperator,
  rotationProgressed,
  rotationRollbackFailed,
  rotationRolledBack,
  rotationStarted,
  versionPromoted,
  versionRetired,
} from '@dsops/contracts/rotation/events';
import type { Verdict } from '@dsops/contracts/rotation/states';
import type { Strategy } from '@dsops/contracts/rotation/strategies';
import type { EventToEmit } from '@dsops/messaging';
import type { Happening } from '../engine/journal.js';
import type { VersionRef } from '../engine/plan.js';
import { nextStep, stateOf, type Rotation } from '../engine/rotation.js';

/** What every event of a rotation says about where it belongs. */
export interface Subject {
  readonly serviceId: string;
  readonly service: string;
  readonly environment: string;
  readonly rotationId: string;
  readonly credentialId: string;
  readonly credential: string;
  readonly strategy: Strategy;
}

/** Takes the event into the transaction of the entry that it tells of. */
export type Say = <D extends EventDefinition>(event: EventToEmit<D>) => void;

const refsOf = ({ plan }: Rotation): VersionRef[] =>
  [plan.newVersion, plan.oldVersion, plan.occupant].filter((version) => version !== null);

/** What the target answered last, by the names of the versions. */
export const knownByName = (rotation: Rotation): Record<string, Verdict> =>
  Object.fromEntries(
    refsOf(rotation).flatMap(({ id, name }) => {
      const verdict = rotation.known[id];
      return verdict === undefined ? [] : [[name, verdict]];
    }),
  );

/**
 * In whose name a rotation does what it does: of who asked for it, and once somebody wanted it to go back, of that one.
 * What dsops turned back by itself nobody asked for.
 */
export function actorBehind({ turn, request }: Rotation, requestedBy: Actor): Actor {
  return turn?.trigger === 'automatic' ? systemActor : (request?.actor ?? requestedBy);
}

/**
 * Says what an entry means to the rest of the world.
 * @param rotation the one after the entry
 * @param requestedBy who asked for the rotation
 */
export function announce(
  rotation: Rotation,
  happening: Happening,
  subject: Subject,
  say: Say,
  requestedBy: Actor,
): void {
  const actor = 'actor' in happening ? happening.actor : actorBehind(rotation, requestedBy);
  const tell = <D extends EventDefinition>(event: D, data: EventData<D>) =>
    say({ event, key: subject.serviceId, subject: `rotation/${subject.rotationId}`, data });
  const progressed = (step: string, outcome: string, durationMs: number, note: string | null) =>
    tell(rotationProgressed, {
      ...subject,
      state: stateOf(rotation),
      step,
      outcome,
      durationMs,
      ...(note !== null && { note }),
      actor,
    });

  switch (happening.kind) {
    case 'step': {
      const done = rotation.steps.at(-1);
      progressed(happening.step, happening.outcome, done?.durationMs ?? 0, happening.note);
      const ended = refsOf(rotation).find(({ id }) => id === happening.ends);
      if (ended && happening.outcome === 'refused')
        tell(versionRetired, { ...subject, versionId: ended.id, version: ended.name, actor });
      return;
    }
    case 'labels-moved': {
      const { newVersion, oldVersion } = rotation.plan;
      const [to, from] = happening.to === 'new' ? [newVersion, oldVersion] : [oldVersion, newVersion];
      if (to)
        tell(versionPromoted, {
          ...subject,
          versionId: to.id,
          version: to.name,
          previousVersion: from?.name ?? null,
          actor,
        });
      return;
    }
    case 'waiting':
      return progressed(nextStep(rotation) ?? 'wait', 'waiting', 0, happening.reason);
    case 'resumed':
      return progressed(
        nextStep(rotation) ?? 'resume',
        'resumed',
        0,
        happening.by === 'person' ? happening.reason : null,
      );
    case 'rollback-requested':
      return progressed('turn-back', 'requested', 0, happening.reason);
    case 'turned':
      return progressed('turn-back', happening.trigger, 0, happening.error.message);
    case 'evidence-wanted': {
      const version = refsOf(rotation).find(({ id }) => id === happening.versionId);
      if (version)
        tell(rotationEvidenceWanted, {
          ...subject,
          version: version.name,
          login: version.login,
          consumers: [...happening.consumers],
          blindSpots: [...happening.blindSpots],
          actor,
        });
      return;
    }
    case 'cleared': {
      const version = refsOf(rotation).find(({ id }) => id === happening.versionId);
      const { reason, consumers, checkOuts } = happening;
      if (version)
        tell(rotationCleared, {
          ...{ ...subject, version: version.name, reason, actor: happening.actor },
          ...{ consumers: [...consumers], checkOuts: [...checkOuts] },
        });
      return;
    }
    case 'asked':
      return tell(rotationNeedsOperator, {
        ...subject,
        reason: happening.ask.message,
        known: knownByName(rotation),
        actor,
      });
    case 'concluded':
      return concluded(rotation, happening, tell, subject, actor);
    case 'planned':
    case 'intended':
    case 'ended':
    case 'abandoned':
    case 'attempt-over':
    case 'not-landed':
    case 'generated':
    case 'labels-differ':
    case 'published':
    case 'publish-differs':
    case 'again':
    case 'settled':
  }
}

function concluded(
  rotation: Rotation,
  { state, error }: Extract<Happening, { kind: 'concluded' }>,
  tell: <D extends EventDefinition>(event: D, data: EventData<D>) => void,
  subject: Subject,
  actor: Actor,
): void {
  const { plan, turn, isGenerated } = rotation;
  const common = {
    ...subject,
    durationMs: Math.max(0, rotation.lastAtMs - rotation.startedAtMs),
    version: isGenerated ? plan.newVersion.name : null,
    actor,
  };
  const reason = error?.message ?? turn?.error.message ?? '';
  switch (state) {
    case 'completed':
      return tell(rotationCompleted, common);
    case 'failed':
      return tell(rotationFailed, {
        ...common,
        previousVersion: plan.oldVersion?.name ?? null,
        code: error?.code ?? 'failed',
        reason,
      });
    case 'rolled_back':
      return tell(rotationRolledBack, { ...common, trigger: turn?.trigger ?? 'automatic', reason });
    case 'rollback_failed': {
      const accepted = Object.entries(knownByName(rotation)).flatMap(([name, verdict]) =>
        verdict === 'accepted' ? [name] : [],
      );
      return tell(rotationRollbackFailed, { ...common, reason, accepted });
    }
  }
}

/** A rotation was accepted: the event of its first entry. */
export function announceStart(
  subject: Subject,
  request: { readonly trigger: 'manual' | 'schedule'; readonly reason: string | null; readonly requestedBy: Actor },
  say: Say,
): void {
  say({
    event: rotationStarted,
    key: subject.serviceId,
    subject: `rotation/${subject.rotationId}`,
    data: {
      ...subject,
      trigger: request.trigger,
      ...(request.reason !== null && { reason: request.reason }),
      actor: request.requestedBy,
    },
  });
}
