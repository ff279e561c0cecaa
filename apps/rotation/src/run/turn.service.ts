import { verdictOf } from '@dsops/contracts/rotation/states';
import { isDomainError } from '@dsops/kernel';
import type { Unit, UnitOfWork } from '@dsops/messaging';
import type { Logger } from '@dsops/platform';
import { databaseNowMs } from '../database/clock.repository.js';
import type { InstallationService } from '../installation/installation.service.js';
import type { Drivers } from '@dsops/drivers';
import type { RegistryRepository } from '../registry/registry.repository.js';
import type { Login, TargetDriver } from '@dsops/drivers/driver';
import type { CheckOutRepository } from '../check-out/check-out.repository.js';
import type { Tx } from '../database/tx.js';
import type { VaultRepository } from '../vault/vault.repository.js';
import type { VaultService } from '../vault/vault.service.js';
import { announce, type Subject } from './announcement.js';
import { sighted, type Sighting } from '../engine/consumers.js';
import { look, type ClockWatch } from '../engine/clock-watch.js';
import { LABELS_DIFFER, PUBLISH_DIFFERS } from '../engine/causes.js';
import { decide } from '../engine/decide.js';
import { touchesTarget, type Effect, type Happening, type Outcome, type TargetEffect } from '../engine/journal.js';
import type { Observation } from '../engine/view.js';
import type { Opening } from './opening.service.js';
import { slotOf, type Plan } from '../engine/plan.js';
import type { Rotation } from '../engine/rotation.js';
import { endingAt } from '../engine/steps.js';
import { RotationJournal } from './rotation-journal.js';
import type { Hold, Lease, RotationRepository, RotationRow } from './rotation.repository.js';
import { leaseFor, LOOK_LEASE_MS, type EffectInputs } from './target-effects.service.js';
import { changeVersions } from './version-rows.js';

/** What one turn came to. */
export type Turn =
  /** Journalled and committed: now do it, and report with the next turn. */
  | {
      readonly kind: 'perform';
      readonly effect: TargetEffect;
      readonly inputs: EffectInputs;
      readonly leaseMs: number;
      readonly reportedAs: number | null;
    }
  /** Committed, and now look who uses the login of this slot; what was seen comes with the next turn. */
  | {
      readonly kind: 'look';
      readonly slot: string;
      readonly inputs: EffectInputs;
      readonly leaseMs: number;
      readonly reportedAs: number | null;
    }
  /** Committed, and there is more to do that must come after that: take the next turn. */
  | { readonly kind: 'next'; readonly reportedAs: number | null }
  /** Nothing to do before `wakeAt` (null: until somebody wakes it), or the lease is another's. */
  | { readonly kind: 'over'; readonly wakeAt: Date | null; readonly reportedAs: number | null };

/** How the effect of the turn before ended. */
export interface Report {
  readonly outcome: Outcome;
  readonly durationMs: number;
}

/** What a look at the consumers of a slot brought. */
export interface Look {
  readonly slot: string;
  readonly seen: Parameters<typeof sighted>[2];
}

export interface TurnParts {
  readonly units: UnitOfWork<Tx>;
  readonly rotations: RotationRepository;
  readonly versions: VaultRepository;
  readonly vault: VaultService;
  readonly checkOuts: CheckOutRepository;
  readonly registry: RegistryRepository;
  readonly installation: InstallationService;
  readonly drivers: Drivers;
  readonly opening: Opening;
  readonly logger: Logger;
}

/** What talks to the target. */
type AtTarget = TargetEffect | Extract<Effect, { do: 'sample' }>;

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

interface Scene {
  readonly unit: Unit<Tx>;
  readonly row: RotationRow;
  readonly journal: RotationJournal;
  readonly nowMs: number;
  readonly isRestored: boolean;
  sighting: Sighting | null;
}

/** More effects than this in one transaction mean that the engine goes in a circle. */
const MOST_EFFECTS = 50;
const MOST_SUBJECTS = 1_000;

/**
 * One turn of a rotation is one transaction: it locks the row under the fence, journals how the last effect ended, then
 * decides and does what is to be done in our own database, until the next effect at the target is journalled as
 * intended or there is nothing to do. The decision and what it rests on (the journal, the check-outs of a locked
 * version, the mode) cannot come apart.
 */
export class Turns {
  private watch: ClockWatch | null = null;
  /** What the events of a rotation say about its place, so that it is looked up once. */
  private readonly subjects = new Map<string, Subject>();
  /** What the journal of a rotation came to, as of this process's own last commit: nobody writes past a lease. */
  private readonly committed = new WeakMap<Lease, Rotation>();

  constructor(private readonly parts: TurnParts) {}

  /**
   * @param heldSession `seq` of the session that this worker holds for the rotation
   * @param report of the effect that the turn before had it do; null on the first turn
   * @param look what the turn before had it look at
   * @param isLast only journals the report and lets go: this worker stops
   * @returns `reportedAs`: `seq` of the report's entry, null when it was not written because the lease is another's now
   */
  async take(
    lease: Lease,
    heldSession: number | null,
    report: Report | null,
    isLast = false,
    look: Look | null = null,
  ): Promise<Turn> {
    const { turn, rotation } = await this.parts.units.run(async (unit) => {
      const scene = await this.enter(unit, lease);
      if (!scene) return { turn: GONE, rotation: null };
      const { journal } = scene;
      if (report && !(await this.record(scene, report))) return { turn: GONE, rotation: null };
      if (look) await this.keepLook(scene, look);
      const reportedAs = report && journal.rotation.seq;
      const held = report?.outcome.kind === 'opened' ? reportedAs : heldSession;
      const turn: Turn = isLast
        ? { kind: 'over', wakeAt: new Date(scene.nowMs), reportedAs }
        : { ...(await this.goOn(scene, held)), reportedAs };
      await journal.write(unit.tx, holdAfter(turn));
      return { turn, rotation: journal.rotation };
    });
    if (rotation) this.committed.set(lease, rotation);
    return turn;
  }

  private async goOn(scene: Scene, held: number | null): Promise<DistributiveOmit<Turn, 'reportedAs'>> {
    const { journal, nowMs } = scene;
    for (let count = 0; count < MOST_EFFECTS; count++) {
      const effect = decide(journal.rotation, await this.observe(scene, held), nowMs);
      if (effect === null) return { kind: 'over', wakeAt: null };
      if (effect.do === 'wait') return { kind: 'over', wakeAt: new Date(effect.untilMs) };
      if (effect.do === 'sample') {
        const inputs = await this.openInputs(scene, effect);
        if (inputs) return { kind: 'look', slot: effect.slot, inputs, leaseMs: LOOK_LEASE_MS };
      } else if (touchesTarget(effect)) {
        const intended = await this.intend(scene, effect);
        if (intended) return intended;
      } else await this.keep(scene, effect);
      if (journal.rotation.isSettled) return { kind: 'over', wakeAt: null };
      // Publish reads back what is committed, and the grace period begins when everybody can see the new value.
      if (effect.do === 'move-labels') return { kind: 'next' };
    }
    throw new Error('The engine goes in a circle.');
  }

  private async keepLook(scene: Scene, { slot, seen }: Look): Promise<void> {
    scene.sighting = sighted(scene.sighting, slot, seen, scene.nowMs);
    await this.parts.rotations.keepSighting(scene.unit.tx, scene.row.id, scene.sighting);
  }

  /** @returns false when nothing is under way of which somebody could report */
  private async record(scene: Scene, { outcome, durationMs }: Report): Promise<boolean> {
    const effect = scene.journal.rotation.inFlight?.effect;
    if (!effect) return false;
    if (outcome.kind === 'probed' && effect.do === 'probe' && effect.versionId)
      await this.parts.vault.recordVerdict(
        scene.unit.tx,
        effect.versionId,
        verdictOf(outcome.verdict, outcome.isVerification),
        new Date(scene.nowMs),
      );
    await this.write(scene, { kind: 'ended', outcome, durationMs });
    return true;
  }

  async claim(leaseMs: number): Promise<Lease | null> {
    return this.parts.units.run(async ({ tx }) => {
      const lease = await this.parts.rotations.claim(tx, leaseMs);
      // Also while there is nothing to do: what happened to the clock between two looks can only be seen as a sum.
      this.lookAtClock(await databaseNowMs(tx));
      return lease;
    });
  }

  async putOff(lease: Lease, afterMs: number): Promise<void> {
    await this.parts.units.run(({ tx }) => this.parts.rotations.putOff(tx, lease, afterMs));
  }

  async dropLeases(): Promise<number> {
    return this.parts.units.run(({ tx }) => this.parts.rotations.dropLeases(tx));
  }

  private async enter(unit: Unit<Tx>, lease: Lease): Promise<Scene | null> {
    const { rotations, installation } = this.parts;
    const loaded = await rotations.lock(unit.tx, lease.rotationId, this.committed.get(lease));
    if (!loaded?.rotation || loaded.row.fence !== lease.fence || loaded.row.isSettled) return null;
    const nowMs = await databaseNowMs(unit.tx);
    this.lookAtClock(nowMs);
    // The mode stays as it is until the transaction ends.
    const isRestored = await installation.isRestored(unit.tx);
    const journal = new RotationJournal(rotations, loaded.row, loaded.rotation, { atMs: nowMs, fence: lease.fence });
    return { unit, row: loaded.row, journal, nowMs, isRestored, sighting: loaded.row.sighting };
  }

  private lookAtClock(nowMs: number): void {
    const before = this.watch?.jumps.length ?? 0;
    this.watch = look(this.watch, nowMs, performance.now());
    const { jumps } = this.watch;
    if (jumps.length > before)
      this.parts.logger.error(
        { jump: jumps.at(-1) },
        'the clock of the database was set ahead: waiting by it does not count',
      );
  }

  private async observe(
    { unit, journal, nowMs, isRestored, sighting }: Scene,
    heldSession: number | null,
  ): Promise<Observation> {
    const { versions, checkOuts } = this.parts;
    const { rotation } = journal;
    const jumps = this.watch?.jumps ?? [];
    const version = endingAt(rotation)?.version ?? null;
    // Under the lock of the version's row no check-out is given until this transaction has ended.
    if (version) await versions.lock(unit.tx, version.id);
    const sinceMs = nowMs - jumps.reduce((sum, jump) => sum + jump.aheadMs, 0);
    const held = version ? await checkOuts.holdsOf(unit.tx, version.id, sinceMs) : [];
    return {
      heldSession,
      checkOuts: held.map((hold) => ({ ...hold, versionId: version?.id ?? '' })),
      sighting,
      jumps,
      isRestored,
    };
  }

  /** @returns null when something else has to be settled first */
  private async intend(
    scene: Scene,
    effect: TargetEffect,
  ): Promise<Omit<Extract<Turn, { kind: 'perform' }>, 'reportedAs'> | null> {
    const { unit, nowMs } = scene;
    const inputs = await this.openInputs(scene, effect);
    if (!inputs) return null;
    if ((effect.do === 'set' || effect.do === 'retire') && effect.ends !== null)
      await this.parts.vault.intendEnd(unit.tx, effect.ends, new Date(nowMs));
    await this.write(scene, { kind: 'intended', effect });
    return { kind: 'perform', effect, inputs, leaseMs: leaseFor(effect, inputs.plan) };
  }

  /** @returns null when a person has to put something right first */
  private async openInputs(scene: Scene, effect: AtTarget): Promise<EffectInputs | null> {
    try {
      return await this.inputsOf(scene, effect);
    } catch (error) {
      if (!isDomainError(error)) throw error;
      // A value that cannot be opened stays so until somebody puts the key right.
      const { code, message, details } = error;
      const ask = { code, message, remedy: details.remedy ?? null, byPerson: true };
      await this.write(scene, { kind: 'asked', untilMs: null, ask });
      return null;
    }
  }

  private async inputsOf({ unit, row, journal }: Scene, effect: AtTarget): Promise<EffectInputs> {
    const { registry, vault } = this.parts;
    // The administrator resolves live: its password may have been rotated since the plan was made.
    const { type, adminUsername } = await registry.administration(unit.tx, row.serviceId);
    const driver = this.parts.drivers.of(type);
    const admin = await vault.openAdmin(unit.tx, { id: row.serviceId, adminUsername });
    const { plan, current } = journal.rotation;
    const present = current === 'new' ? plan.newVersion : plan.oldVersion;
    // Nothing is retired in favour of a value that is not there any more, whatever the journal has of it (I1).
    if (effect.do === 'retire' && present) await vault.open(unit.tx, present.id);
    const self = admin === null && present ? await vault.open(unit.tx, present.id) : null;
    return { plan, driver, admin, self, login: await this.loginOf(unit.tx, effect, plan, driver) };
  }

  private async loginOf(tx: Tx, effect: AtTarget, plan: Plan, driver: TargetDriver): Promise<Login | null> {
    switch (effect.do) {
      case 'probe':
        // A value of the kind that the target gets, and that nobody has: it must be refused.
        if (effect.versionId === null)
          return { username: slotOf(plan, effect.slot).login, password: driver.generate() };
        return this.parts.vault.open(tx, effect.versionId);
      case 'set':
      case 'retire':
        return this.parts.vault.open(tx, effect.versionId);
      case 'open-session':
      case 'end-session':
      case 'sample':
        return null;
    }
  }

  /** Effects in our own database, each in one transaction with its entry. */
  private async keep(scene: Scene, effect: Exclude<Effect, AtTarget | { do: 'wait' }>): Promise<void> {
    const { vault, registry, drivers } = this.parts;
    const { unit, row, journal } = scene;
    const { newVersion, target } = journal.rotation.plan;
    switch (effect.do) {
      case 'generate': {
        const { type } = await registry.administration(unit.tx, row.serviceId);
        const { name } = await vault.seal(unit.tx, {
          versionId: newVersion.id,
          credentialId: row.credentialId,
          slot: { name: newVersion.slot, login: newVersion.login },
          target,
          label: 'PENDING',
          value: drivers.of(type).generate(),
        });
        return this.write(scene, { kind: 'generated', name });
      }
      case 'move-labels': {
        const isMoved = await this.moveLabels(scene, effect);
        return this.write(
          scene,
          isMoved ? { kind: 'labels-moved', to: effect.to } : { kind: 'labels-differ', failure: LABELS_DIFFER },
        );
      }
      case 'publish': {
        const current = (await vault.versionsOf(unit.tx, row.credentialId)).find(({ label }) => label === 'CURRENT');
        const isRead = current?.id === effect.versionId && (await vault.isSealed(unit.tx, effect.versionId));
        return this.write(
          scene,
          isRead ? { kind: 'published' } : { kind: 'publish-differs', failure: PUBLISH_DIFFERS },
        );
      }
      case 'journal':
        return this.write(scene, effect.happening);
    }
  }

  private async moveLabels(
    { unit, row, journal }: Scene,
    { to, from, versionId }: Extract<Effect, { do: 'move-labels' }>,
  ): Promise<boolean> {
    const { vault } = this.parts;
    if (to === 'new') return vault.promote(unit.tx, row.credentialId, versionId, from);
    const old = (await vault.versionsOf(unit.tx, row.credentialId)).find(({ id }) => id === versionId);
    if (!old || old.label === 'CURRENT') return false;
    return vault.moveLabels(unit.tx, row.credentialId, [
      { versionId: journal.rotation.plan.newVersion.id, from: 'CURRENT', to: null },
      { versionId, from: old.label, to: 'CURRENT' },
    ]);
  }

  /** The entry, what it means for the versions, what it says to the world, and who is next when it was the last. */
  private async write({ unit, row, journal, nowMs }: Scene, happening: Happening): Promise<void> {
    const after = journal.add(happening);
    await changeVersions(this.parts.vault, unit.tx, row.credentialId, { after, happening, at: new Date(nowMs) });
    if (happening.kind !== 'intended' && happening.kind !== 'ended') {
      const subject = await this.subjectOf(unit.tx, row);
      announce(after, happening, subject, (event) => unit.emit(event), row.requestedBy);
    }
    if (!after.isSettled) return;
    // The next one can open only when this one is over for everybody.
    await journal.write(unit.tx);
    await this.parts.opening.openNext(unit, row.credentialId, nowMs);
  }

  private async subjectOf(tx: Tx, row: RotationRow): Promise<Subject> {
    const known = this.subjects.get(row.id);
    if (known) return known;
    const subject = await this.parts.opening.subjectOf(tx, row);
    if (this.subjects.size >= MOST_SUBJECTS) this.subjects.clear();
    this.subjects.set(row.id, subject);
    return subject;
  }
}

const GONE: Turn = { kind: 'over', wakeAt: null, reportedAs: null };

function holdAfter(turn: Turn): Hold {
  switch (turn.kind) {
    case 'perform':
    case 'look':
      return { kind: 'extended', leaseMs: turn.leaseMs };
    case 'next':
      return { kind: 'as-it-is' };
    case 'over':
      return { kind: 'released', wakeAt: turn.wakeAt };
  }
}
