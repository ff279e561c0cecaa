import type { Bell } from '@dsops/background';
import type { Actor } from '@dsops/contracts/principal';
import type { RollbackView, RotationView } from '@dsops/contracts/rotation/api';
import type { ON_CONFLICT } from '@dsops/contracts/rotation/states';
import type { Place } from '@dsops/contracts/rotation/place';
import { DomainError } from '@dsops/kernel';
import type { Unit } from '@dsops/messaging';
import type { CheckOutRepository } from '../check-out/check-out.repository.js';
import { databaseNowMs } from '../database/clock.repository.js';
import type { InstallationService } from '../installation/installation.service.js';
import type { RegistryRepository } from '../registry/registry.repository.js';
import { unknownService, type RegisteredService } from '../registry/service.js';
import type { Tx } from '../database/tx.js';
import type { VaultRepository } from '../vault/vault.repository.js';
import { announce } from '../run/announcement.js';
import { placed } from '../run/draft.js';
import type { Happening } from '../engine/journal.js';
import type { Opening, OpeningRequest } from '../run/opening.service.js';
import { assertCanApply, type Planned } from './preview.service.js';
import type { Rotation } from '../engine/rotation.js';
import { endingAt } from '../engine/steps.js';
import { namesOf } from '../engine/consumers.js';
import { canRollBack, type RollbackAnswer } from '../engine/way-back.js';
import type { LoadedRotation, RotationRepository } from '../run/rotation.repository.js';
import { RotationJournal } from '../run/rotation-journal.js';
import { findHeld, holdsViewOf } from './held.js';
import { viewOf } from './rotation-view.js';

export type OnConflict = (typeof ON_CONFLICT)[number];

export interface StartRequest {
  readonly planned: Planned;
  readonly onConflict: OnConflict;
  /** The digest of the plan that a person has seen. */
  readonly digest: string | undefined;
  readonly reason: string | null;
  /** In place, whoever uses the old value loses it. */
  readonly acceptsBreaking: boolean;
  readonly trigger: 'manual' | 'schedule';
  readonly actor: Actor;
}

export interface RollbackRequest {
  readonly place: Place;
  /** Name of the version to go back to; only the previous one can be. */
  readonly version: string | undefined;
  readonly reason: string;
  readonly actor: Actor;
}

export interface ClearRequest {
  readonly place: Place;
  readonly reason: string;
  /** `held.seen` as the person has seen it. */
  readonly seen: string;
  readonly overrideCheckOuts: boolean;
  readonly actor: Actor;
}

export interface RotationParts {
  readonly checkOuts: CheckOutRepository;
  readonly rotations: RotationRepository;
  readonly versions: VaultRepository;
  readonly registry: RegistryRepository;
  readonly installation: InstallationService;
  readonly opening: Opening;
  readonly bell: Bell;
}

/** How many rotations may wait for the open one of their credential. */
const LONGEST_QUEUE = 10;

/** What people and schedules ask of rotations. Each method works inside the caller's unit; workers do the rest. */
export class RotationService {
  constructor(private readonly parts: RotationParts) {}

  /**
   * Journals a rotation, or puts it in the queue of its credential.
   * @throws DomainError `target_not_ready`, `plan_drifted`, `rotation_open`, `queue_full`, `consumers_would_break`, `installation_restored`
   */
  async start(unit: Unit<Tx>, request: StartRequest): Promise<RotationView> {
    const { planned, digest } = request;
    const { rotations, registry, installation, versions, opening } = this.parts;
    await installation.assertNormal(unit.tx);
    const service = await registry.lock(unit.tx, planned.service.id);
    if (service === null)
      throw unknownService({ environment: planned.service.environment, service: planned.service.name });
    const { strategy } = planned;
    const opened: OpeningRequest = {
      service,
      strategy,
      trigger: request.trigger,
      requestedBy: request.actor,
      reason: request.reason,
    };
    if (planned.view.isBreaking && !request.acceptsBreaking) throw wouldBreak(planned);
    const open = await rotations.lockOpen(unit.tx, service.credential.id);
    const nowMs = await databaseNowMs(unit.tx);
    if (open) {
      // What no waiting can change is said now.
      if (planned.placement === null) assertCanApply(planned);
      await this.makeRoom(unit, open, request, service, nowMs);
      return this.show(unit.tx, (await opening.queue(unit, opened, open.row.id, nowMs)).id, nowMs);
    }
    assertCanApply(planned);
    if (digest !== undefined && digest !== planned.view.digest) throw drifted();
    const placement = placed(service, strategy, await versions.ofCredential(unit.tx, service.credential.id));
    if ('finding' in placement || JSON.stringify(placement) !== JSON.stringify(planned.placement)) throw drifted();
    const row = await opening.enqueue(unit.tx, opened, nowMs);
    await opening.open(unit, row, service, placement, nowMs);
    unit.afterCommit(() => this.parts.bell.ring());
    return this.show(unit.tx, row.id, nowMs);
  }

  /**
   * Asks the open rotation to go back, and cancels what is queued behind it, which would bring another value right
   * after. From the journalled intent to retire on, only a new rotation helps.
   * @throws DomainError `service_unknown`, `rollback_impossible`, `version_unknown`
   */
  async rollBack(unit: Unit<Tx>, { place, version, reason, actor }: RollbackRequest): Promise<RollbackView> {
    const { registry, rotations, installation, opening } = this.parts;
    await installation.assertNormal(unit.tx);
    const service = await registry.find(unit.tx, place.environment, place.service);
    if (service === null) throw unknownService(place);
    const loaded = await rotations.lockOpen(unit.tx, service.credential.id);
    if (!loaded?.rotation) throw impossible('ended', service);
    const { oldVersion } = loaded.rotation.plan;
    if (version !== undefined && version !== oldVersion?.name) throw unknownVersion(version, oldVersion?.name ?? null);
    const answer = canRollBack(loaded.rotation);
    const nowMs = await databaseNowMs(unit.tx);
    if (answer !== 'possible' && answer !== 'already-going-back') throw impossible(answer, service);
    // Asking twice is asking once, but for what was queued meanwhile.
    if (answer === 'possible') await this.tell(unit, loaded, { kind: 'rollback-requested', actor, reason }, nowMs);
    const cancelled = await opening.emptyQueue(unit, service.credential.id, { actor, reason }, nowMs);
    return {
      ...(await this.show(unit.tx, loaded.row.id, nowMs)),
      cancelled: cancelled.map((row) => ({ id: row.id, requestedBy: row.requestedBy, reason: row.reason })),
    };
  }

  /** A person lets a rotation go on. @throws DomainError `rotation_unknown`, `not_waiting`, `installation_restored` */
  async resume(unit: Unit<Tx>, rotationId: string, reason: string, actor: Actor): Promise<RotationView> {
    const { rotations, installation } = this.parts;
    await installation.assertNormal(unit.tx);
    const loaded = await rotations.lock(unit.tx, rotationId);
    if (!loaded) throw unknownRotation(rotationId);
    if (!loaded.rotation?.asking || loaded.rotation.isSettled)
      throw new DomainError(
        'not_waiting',
        'conflict',
        `Rotation ${rotationId} waits for nobody: it is ${loaded.row.state}.`,
        {
          remedy: `See it with: dsops rotation show ${rotationId}`,
        },
      );
    const nowMs = await databaseNowMs(unit.tx);
    await this.tell(unit, loaded, { kind: 'resumed', by: 'person', actor, reason }, nowMs);
    return this.show(unit.tx, rotationId, nowMs);
  }

  /**
   * A person who saw who uses the value that waits to end says that it may. It is journalled with the names, and whoever
   * else is seen later holds the value again.
   * @throws DomainError `service_unknown`, `nothing_to_clear`, `consumers_changed`, `installation_restored`
   */
  async clear(unit: Unit<Tx>, { place, reason, seen, overrideCheckOuts, actor }: ClearRequest): Promise<RotationView> {
    const { registry, rotations, versions, checkOuts, installation } = this.parts;
    await installation.assertNormal(unit.tx);
    const service = await registry.find(unit.tx, place.environment, place.service);
    if (service === null) throw unknownService(place);
    const loaded = await rotations.lockOpen(unit.tx, service.credential.id);
    const nowMs = await databaseNowMs(unit.tx);
    const ending = loaded?.rotation && endingAt(loaded.rotation);
    // Under the lock no check-out is given that the person has not seen.
    if (ending) await versions.lock(unit.tx, ending.version.id);
    const held = loaded && (await findHeld(unit.tx, checkOuts, loaded, nowMs));
    if (!loaded || !held || (held.consumers === null && !overrideCheckOuts)) throw nothingToClear(service, held?.view);
    if (seen !== held.view.seen) throw consumersChanged(service);
    const { versionId, consumers, view } = held;
    const overridden = overrideCheckOuts ? view.checkOuts : [];
    await this.tell(
      unit,
      loaded,
      { kind: 'cleared', versionId, actor, reason, consumers: [...(consumers ?? [])], checkOuts: overridden },
      nowMs,
    );
    return this.show(unit.tx, loaded.row.id, nowMs);
  }

  private async makeRoom(
    unit: Unit<Tx>,
    open: LoadedRotation,
    { onConflict, actor, reason }: StartRequest,
    service: RegisteredService,
    nowMs: number,
  ): Promise<void> {
    if (onConflict === 'reject') throw conflict(open, service);
    const waiting = await this.parts.rotations.queued(unit.tx, service.credential.id);
    if (waiting.length >= LONGEST_QUEUE)
      throw new DomainError('queue_full', 'conflict', `${waiting.length} rotations of ${service.name} wait already.`, {
        remedy: 'Let them finish first.',
      });
    // Replacing is no killing: the open one goes back or forward to a state that is proven, then it is the next one's turn.
    if (onConflict === 'replace' && open.rotation && canRollBack(open.rotation) === 'possible')
      await this.tell(
        unit,
        open,
        {
          kind: 'rollback-requested',
          actor,
          reason: `A new rotation replaces it${reason === null ? '.' : `: ${reason}`}`,
        },
        nowMs,
      );
  }

  private async tell(
    unit: Unit<Tx>,
    { row, rotation }: LoadedRotation,
    happening: Happening,
    nowMs: number,
  ): Promise<Rotation> {
    if (!rotation) throw new TypeError('Only a rotation that has begun is told something.');
    const { rotations, opening, bell } = this.parts;
    const journal = new RotationJournal(rotations, row, rotation, { atMs: nowMs, fence: null });
    const after = journal.add(happening);
    await journal.write(unit.tx, { kind: 'woken', at: new Date(nowMs) });
    announce(after, happening, await opening.subjectOf(unit.tx, row), (event) => unit.emit(event), row.requestedBy);
    unit.afterCommit(() => bell.ring());
    return after;
  }

  private async show(tx: Tx, rotationId: string, nowMs: number): Promise<RotationView> {
    const { rotations, checkOuts } = this.parts;
    const loaded = await rotations.find(tx, rotationId);
    const names = loaded && (await rotations.namesOf(tx, [loaded.row.serviceId])).get(loaded.row.serviceId);
    if (!loaded || !names) throw unknownRotation(rotationId);
    const openOf = await rotations.openAheadOf(tx, [loaded.row]);
    const holds = await holdsViewOf(tx, checkOuts, openOf.get(loaded.row.credentialId) ?? loaded, nowMs);
    return viewOf(loaded, names, openOf, holds, nowMs);
  }
}

export const unknownRotation = (id: string): DomainError =>
  new DomainError('rotation_unknown', 'not_found', `There is no rotation ${id}.`, {
    remedy: 'List them with: dsops rotation history',
  });

const wouldBreak = ({ service, view }: Planned): DomainError => {
  const { consumers, checkOuts } = view.blastRadius;
  const names = namesOf(consumers?.sessions ?? []);
  const seen = names.length === 0 ? 'Nobody is seen to use it now.' : `It is used by ${names.join(', ')}.`;
  return new DomainError(
    'consumers_would_break',
    'refused',
    `In place the value of ${service.name} ends at once, also for whom dsops does not see. ${seen}`,
    {
      consumers: names,
      checkOuts,
      remedy: 'Rotate with acceptsBreaking (--yes) when that is wanted, or use two logins that take turns (two-key).',
    },
  );
};

const nothingToClear = (
  { name, environment }: RegisteredService,
  held: RotationView['held'] | undefined,
): DomainError =>
  new DomainError(
    'nothing_to_clear',
    'conflict',
    held
      ? `The value of ${name} in ${environment} waits for check-outs alone: ${held.checkOuts.join(', ')}.`
      : `No value of ${name} in ${environment} waits for a word that nobody uses it.`,
    {
      remedy: held
        ? 'Let who holds them release them, or override them: --override-check-outs.'
        : `See where it stands: dsops rotation show ${name} --env ${environment}`,
    },
  );

const consumersChanged = ({ name, environment }: RegisteredService): DomainError =>
  new DomainError('consumers_changed', 'conflict', `Others use ${name} in ${environment} now than were shown.`, {
    remedy: `Look again: dsops rotation clear ${name} --env ${environment}`,
  });

const drifted = (): DomainError =>
  new DomainError('plan_drifted', 'conflict', 'What was planned has changed since. Nothing was done.', {
    remedy: 'Plan again, look at it, and apply the new plan.',
  });

const conflict = ({ row, rotation }: LoadedRotation, { name, environment }: RegisteredService): DomainError =>
  new DomainError(
    'rotation_open',
    'conflict',
    `Rotation ${row.id} of ${name} in ${environment} is ${row.state}. ${rotation?.waiting?.reason ?? ''}`.trim(),
    {
      rotationId: row.id,
      state: row.state,
      remedy: 'Wait for it, or choose --on-conflict queue or replace.',
    },
  );

const WHY_NOT: Record<Exclude<RollbackAnswer, 'possible' | 'already-going-back'>, string> = {
  ended: 'has no rotation under way, and the value before CURRENT has ended',
  'retire-intended': 'is already ending the old value',
  'no-way-back': 'has no way back: there is no earlier value that its target would take',
};

const impossible = (answer: keyof typeof WHY_NOT, { name, environment }: RegisteredService): DomainError =>
  new DomainError('rollback_impossible', 'refused', `${name} in ${environment} ${WHY_NOT[answer]}.`, {
    remedy: `Rotate to a new value: dsops rotation rotate --service ${name} --env ${environment}`,
  });

const unknownVersion = (version: string, previous: string | null): DomainError =>
  new DomainError('version_unknown', 'not_found', `${version} is not the version before this rotation.`, {
    remedy: previous === null ? 'There is no version to go back to.' : `Only ${previous} can be brought back.`,
  });
