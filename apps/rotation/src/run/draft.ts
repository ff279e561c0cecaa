import type { Finding } from '@dsops/contracts/rotation/api';
import { presetOf, strategiesOf, type Strategy } from '@dsops/contracts/rotation/strategies';
import type { RegisteredService } from '../registry/service.js';
import type { DriverFacts } from '@dsops/drivers/driver';
import type { Version } from '../vault/version.js';
import {
  ENGINE_VERSION,
  place,
  type Placement,
  type Plan,
  type RecordedVersion,
  type UnansweredAttempt,
  type WrongLogin,
} from '../engine/plan.js';

/** Oldest first, as {@link place} wants them. */
export const recorded = (versions: readonly Version[]): RecordedVersion[] =>
  [...versions]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, name, slot, login, label, endedAt, verdict }) => ({
      id,
      name,
      slot,
      login,
      label,
      endedAtMs: endedAt?.getTime() ?? null,
      verdict,
    }));

const IMPOSSIBLE: Record<
  'too_few_slots' | 'slot_unknown',
  (service: RegisteredService, strategy: Strategy) => Finding
> = {
  too_few_slots: (_, strategy) => ({
    check: 'strategy',
    level: 'error',
    message: `The strategy ${strategy} needs two slots, and this credential has one.`,
    remedy: `Rotate with --strategy ${strategiesOf('in-place').join(' or ')}, or add the service again with two slots.`,
  }),
  slot_unknown: ({ credential }) => ({
    check: 'slots',
    level: 'error',
    message: `The value that is CURRENT belongs to a login that is not among the slots (${credential.slots.map(({ name }) => name).join(', ')}).`,
    remedy: 'Add the service again with the login that is in use as its first slot.',
  }),
};

/** Where the new value would go, or why it can go nowhere. */
export function placed(
  service: RegisteredService,
  strategy: Strategy,
  versions: readonly Version[],
): Placement | { readonly finding: Finding } {
  const placement = place(presetOf(strategy).shape, service.credential.slots, recorded(versions));
  return 'impossible' in placement ? { finding: IMPOSSIBLE[placement.impossible](service, strategy) } : placement;
}

/** The plan as it is frozen in the first entry of the journal. */
export function draftPlan(options: {
  readonly service: RegisteredService;
  readonly strategy: Strategy;
  readonly placement: Placement;
  readonly facts: DriverFacts;
  readonly rotationId: string;
  readonly newVersionId: string;
  readonly earlierWrongLogins: readonly WrongLogin[];
  readonly unanswered: UnansweredAttempt | undefined;
}): Plan {
  const { service, strategy, placement, facts, rotationId, newVersionId, earlierWrongLogins, unanswered } = options;
  const { credential } = service;
  const { shape, endsSessions } = presetOf(strategy);
  return {
    engineVersion: ENGINE_VERSION,
    rotationId,
    serviceId: service.id,
    credentialId: credential.id,
    strategy,
    shape,
    target: service.target,
    facts,
    // It gets its name with its value.
    newVersion: {
      id: newVersionId,
      name: 'the new version',
      slot: placement.targetSlot.name,
      login: placement.targetSlot.login,
    },
    oldVersion: placement.oldVersion,
    occupant: placement.occupant,
    graceMs: credential.gracePeriodMs,
    consumers:
      credential.consumers === 'managed'
        ? { kind: 'managed' }
        : { kind: 'unmanaged', maxGraceMs: credential.maxGraceMs, quietForMs: credential.quietForMs },
    areHoldsHonoured: presetOf(credential.strategy).shape === 'side-by-side',
    verification: credential.verification,
    isRollbackAutomatic: credential.isRollbackAutomatic,
    endSessions: endsSessions,
    earlierWrongLogins,
    ...(unanswered && { unanswered }),
  };
}
