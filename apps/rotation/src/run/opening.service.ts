import type { Actor } from '@dsops/contracts/principal';
import { rotationCancelled, rotationFailed, rotationQueued } from '@dsops/contracts/rotation/events';
import type { Strategy } from '@dsops/contracts/rotation/strategies';
import { newId } from '@dsops/kernel';
import type { Unit } from '@dsops/messaging';
import { currentContext } from '@dsops/platform';
import type { Drivers } from '@dsops/drivers';
import type { RegistryRepository } from '../registry/registry.repository.js';
import type { RegisteredService } from '../registry/service.js';
import type { Tx } from '../database/tx.js';
import type { VaultRepository } from '../vault/vault.repository.js';
import { announceStart, type Subject } from './announcement.js';
import { draftPlan, placed } from './draft.js';
import { unansweredOf } from '../engine/patience.js';
import type { Placement } from '../engine/plan.js';
import type { RotationRepository, RotationRow } from './rotation.repository.js';

export interface OpeningParts {
  readonly rotations: RotationRepository;
  readonly versions: VaultRepository;
  readonly registry: RegistryRepository;
  readonly drivers: Drivers;
}

export interface OpeningRequest {
  readonly service: RegisteredService;
  readonly strategy: Strategy;
  readonly trigger: 'manual' | 'schedule';
  readonly requestedBy: Actor;
  readonly reason: string | null;
}

/** Code of the conclusion of a rotation that was ended while it waited in the queue. Nothing of it ever began. */
export const CANCELLED = 'cancelled';

/** Freezes the plan and opens the rotation: at once, or when its turn in the queue has come. */
export class Opening {
  constructor(private readonly parts: OpeningParts) {}

  /** A row that waits for `behind`, and says so. */
  async queue(unit: Unit<Tx>, request: OpeningRequest, behind: string, nowMs: number): Promise<RotationRow> {
    const row = await this.enqueue(unit.tx, request, nowMs);
    unit.emit({
      event: rotationQueued,
      key: row.serviceId,
      subject: `rotation/${row.id}`,
      data: {
        ...(await this.subjectOf(unit.tx, row)),
        behind,
        trigger: row.trigger,
        ...(row.reason !== null && { reason: row.reason }),
        actor: row.requestedBy,
      },
    });
    return row;
  }

  /**
   * Ends everything that is queued for the credential: whoever wants to go back does not want to go on right after.
   * @returns what was ended
   */
  async emptyQueue(
    unit: Unit<Tx>,
    credentialId: string,
    { actor, reason }: { readonly actor: Actor; readonly reason: string },
    nowMs: number,
  ): Promise<RotationRow[]> {
    const { rotations } = this.parts;
    const rows = await rotations.queued(unit.tx, credentialId);
    for (const row of rows) {
      const message = `${actor.name} asked to go back before it had begun: ${reason}`;
      await rotations.refuse(unit.tx, row, { code: CANCELLED, message, remedy: null }, new Date(nowMs));
      unit.emit({
        event: rotationCancelled,
        key: row.serviceId,
        subject: `rotation/${row.id}`,
        data: { ...(await this.subjectOf(unit.tx, row)), requestedBy: row.requestedBy, reason: message, actor },
      });
    }
    return rows;
  }

  /** A row that waits. Nothing is planned yet, because what is CURRENT may be another version by then. */
  async enqueue(tx: Tx, { service, ...request }: OpeningRequest, nowMs: number): Promise<RotationRow> {
    const row: RotationRow = {
      id: newId(),
      serviceId: service.id,
      credentialId: service.credential.id,
      ...request,
      isQueued: true,
      state: 'pending',
      isSettled: false,
      seq: 0,
      fence: 0n,
      wakeAt: null,
      startedAt: new Date(nowMs),
      endedAt: null,
      refusal: null,
      sighting: null,
    };
    await this.parts.rotations.insert(tx, row, currentContext()?.traceparent ?? null);
    return row;
  }

  /** The caller knows that nothing is open for the credential, and has the service's row or its last rotation locked. */
  async open(
    unit: Unit<Tx>,
    row: RotationRow,
    service: RegisteredService,
    placement: Placement,
    nowMs: number,
  ): Promise<void> {
    const { rotations, drivers } = this.parts;
    const { facts } = drivers.of(service.type);
    const plan = draftPlan({
      service,
      strategy: row.strategy,
      placement,
      facts,
      rotationId: row.id,
      newVersionId: newId(),
      unanswered: await this.unanswered(unit.tx, row.serviceId),
      earlierWrongLogins: await this.wrongLogins(unit.tx, row, facts.lockout?.windowMs ?? null, nowMs),
    });
    await rotations.begin(unit.tx, row, { kind: 'planned', plan }, nowMs);
    announceStart(await this.subjectOf(unit.tx, row), row, (event) => unit.emit(event));
  }

  /** When a rotation has settled: the next one of its credential, if one waits. */
  async openNext(unit: Unit<Tx>, credentialId: string, nowMs: number): Promise<void> {
    const { rotations, versions, registry } = this.parts;
    for (const row of await rotations.queued(unit.tx, credentialId)) {
      const service = await registry.ofCredential(unit.tx, credentialId);
      const placement = placed(service, row.strategy, await versions.ofCredential(unit.tx, credentialId));
      if (!('finding' in placement)) return this.open(unit, row, service, placement, nowMs);
      const { check, message, remedy } = placement.finding;
      await rotations.refuse(unit.tx, row, { code: check, message, remedy }, new Date(nowMs));
      unit.emit({
        event: rotationFailed,
        key: row.serviceId,
        subject: `rotation/${row.id}`,
        data: {
          ...(await this.subjectOf(unit.tx, row)),
          durationMs: Math.max(0, nowMs - row.startedAt.getTime()),
          version: null,
          code: check,
          reason: message,
          actor: row.requestedBy,
        },
      });
    }
  }

  async subjectOf(tx: Tx, row: RotationRow): Promise<Subject> {
    const names = (await this.parts.rotations.namesOf(tx, [row.serviceId])).get(row.serviceId);
    if (!names) throw new TypeError(`Rotation ${row.id} belongs to no service.`);
    const { serviceId, credentialId, strategy, id: rotationId } = row;
    return { ...names, serviceId, credentialId, rotationId, strategy };
  }

  /** What the rotation before left at the target, when a person abandoned it. */
  private async unanswered(tx: Tx, serviceId: string) {
    const { rotations } = this.parts;
    const id = await rotations.latestAbandoned(tx, serviceId);
    const before = id === null ? null : await rotations.find(tx, id);
    return before?.rotation ? unansweredOf(before.rotation) : undefined;
  }

  /** Wrong logins of the rotation before, as far as the target still counts them. */
  private async wrongLogins(tx: Tx, row: RotationRow, windowMs: number | null, nowMs: number) {
    if (windowMs === null) return [];
    const before = await this.parts.rotations.latest(tx, row.serviceId);
    return (before?.rotation?.wrongLogins ?? []).filter(({ atMs }) => nowMs - atMs < windowMs);
  }
}
