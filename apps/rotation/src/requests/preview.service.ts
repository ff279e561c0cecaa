import { createHash } from 'node:crypto';
import type { ConsumersView, Finding, PlanView } from '@dsops/contracts/rotation/api';
import { presetOf, type Strategy } from '@dsops/contracts/rotation/strategies';
import type { Place } from '@dsops/contracts/rotation/place';
import type { PrismaClient } from '@dsops/database/rotation';
import { DomainError, isDomainError } from '@dsops/kernel';
import { databaseNowMs } from '../database/clock.repository.js';
import type { Drivers } from '@dsops/drivers';
import type { RegistryRepository } from '../registry/registry.repository.js';
import { unknownService, type RegisteredService } from '../registry/service.js';
import type { CheckOutRepository } from '../check-out/check-out.repository.js';
import type { VaultRepository } from '../vault/vault.repository.js';
import type { VaultService } from '../vault/vault.service.js';
import type { Version } from '../vault/version.js';
import { placed } from '../run/draft.js';
import type { Placement } from '../engine/plan.js';
import { sighted } from '../engine/consumers.js';
import { isReversible } from '../engine/way-back.js';
import { stepLines } from '../engine/paths.js';
import { consumersView } from './held.js';
import type { RotationRepository } from '../run/rotation.repository.js';

export interface PlanningParts {
  readonly database: PrismaClient;
  readonly registry: RegistryRepository;
  readonly versions: VaultRepository;
  readonly vault: VaultService;
  readonly checkOuts: CheckOutRepository;
  readonly rotations: RotationRepository;
  readonly drivers: Drivers;
}

export interface Planned {
  readonly service: RegisteredService;
  readonly strategy: Strategy;
  /** Null when there is nowhere to put a new value; `view.findings` says why. */
  readonly placement: Placement | null;
  readonly view: PlanView;
}

/** Looks at the target and at our records, and says what a rotation would do. Changes nothing. */
export class Planning {
  constructor(private readonly parts: PlanningParts) {}

  /** @throws DomainError `service_unknown`, and what the driver says when the target cannot be looked at */
  async plan(place: Place, wanted: Strategy | undefined): Promise<Planned> {
    const { database, registry, versions } = this.parts;
    const service = await registry.find(database, place.environment, place.service);
    if (service === null) throw unknownService(place);
    const strategy = wanted ?? service.credential.strategy;
    const known = await versions.ofCredential(database, service.credential.id);
    const placement = placed(service, strategy, known);
    if ('finding' in placement) {
      const view = this.view(
        service,
        strategy,
        null,
        [placement.finding],
        { checkOuts: 0, sessions: null, consumers: null },
        known,
      );
      return { service, strategy, placement: null, view };
    }
    const { findings, sessions } = await this.inspect(service, strategy, placement);
    const consumers = await this.consumersOf(service, placement);
    const open = await this.openFinding(service);
    const checkOuts = await this.heldCount(placement);
    const all = [...findings, ...consumersFinding(service, strategy, placement), ...open];
    return {
      service,
      strategy,
      placement,
      view: this.view(service, strategy, placement, all, { checkOuts, sessions, consumers }, known),
    };
  }

  private async inspect(service: RegisteredService, strategy: Strategy, placement: Placement) {
    const { database, vault, drivers } = this.parts;
    const { credential } = service;
    const { shape, endsSessions } = presetOf(strategy);
    const admin = await vault.openAdmin(database, service);
    return drivers.of(service.type).inspect(
      { target: service.target, admin },
      {
        shape,
        settings: credential.settings,
        slots: shape === 'side-by-side' ? credential.slots : [placement.targetSlot],
        inUse: placement.oldVersion?.slot ?? null,
        leftBehind: placement.occupant ? [placement.occupant.slot] : [],
        endsSessions,
      },
    );
  }

  /** Who uses the value that would end, where not all check it out; null when that cannot be looked at. */
  private async consumersOf(service: RegisteredService, { oldVersion }: Placement): Promise<ConsumersView | null> {
    const { database, vault, drivers } = this.parts;
    if (service.credential.consumers === 'managed' || !oldVersion) return null;
    const driver = drivers.of(service.type);
    const admin = await vault.openAdmin(database, service);
    const { slot, login } = oldVersion;
    try {
      const seen = await driver.consumers({ target: service.target, admin }, [{ name: slot, login }]);
      const sighting = sighted(null, slot, seen, await databaseNowMs(database));
      return consumersView(sighting, [...(driver.facts.evidence?.blindSpots ?? []), ...seen.blindSpots]);
    } catch (error) {
      // What keeps us from looking is among the findings.
      if (isDomainError(error)) return null;
      throw error;
    }
  }

  private async openFinding({ id }: RegisteredService): Promise<Finding[]> {
    const open = await this.parts.rotations.openOfService(this.parts.database, id);
    if (!open) return [];
    return [
      {
        check: 'conflict',
        level: 'warning',
        message: `Rotation ${open.id} is ${open.state}: another one waits for it or is refused.`,
        remedy: 'Wait for it, or choose with --on-conflict.',
      },
    ];
  }

  private async heldCount({ oldVersion }: Placement): Promise<number> {
    if (!oldVersion) return 0;
    const { database, checkOuts } = this.parts;
    return (await checkOuts.holdsOf(database, oldVersion.id, await databaseNowMs(database))).length;
  }

  private view(
    service: RegisteredService,
    strategy: Strategy,
    placement: Placement | null,
    findings: Finding[],
    blastRadius: PlanView['blastRadius'],
    known: readonly Version[],
  ): PlanView {
    const { credential } = service;
    const { oldVersion, occupant } = placement ?? { oldVersion: null, occupant: null };
    const { facts } = this.parts.drivers.of(service.type);
    const { shape } = presetOf(strategy);
    const targetSlot = (placement?.targetSlot ?? credential.slots[0])?.name ?? '';
    return {
      service: service.name,
      environment: service.environment,
      strategy,
      currentVersion: known.find(({ label }) => label === 'CURRENT')?.name ?? null,
      targetSlot,
      retiredSlot: shape === 'side-by-side' ? (oldVersion?.slot ?? null) : null,
      steps: stepLines({ shape, oldVersion, occupant }),
      findings,
      blastRadius,
      isBreaking: isBreaking(service, strategy, placement),
      isReversible: isReversible({ shape, oldVersion, facts }),
      canApply: placement !== null && findings.every(({ level }) => level !== 'error'),
      digest: digestOf(service, strategy, placement, findings),
    };
  }
}

/** In place, whoever uses the old value without a check-out loses it unseen. */
const isBreaking = ({ credential }: RegisteredService, strategy: Strategy, placement: Placement | null): boolean =>
  credential.consumers === 'unmanaged' && presetOf(strategy).shape === 'in-place' && placement?.oldVersion != null;

function consumersFinding(service: RegisteredService, strategy: Strategy, placement: Placement): Finding[] {
  const { credential } = service;
  if (credential.consumers === 'managed' || !placement.oldVersion) return [];
  const { login } = placement.oldVersion;
  const remedy =
    'Give them the new value, or declare them managed (--consumers managed) when all of them check it out.';
  if (isBreaking(service, strategy, placement)) {
    const message = `Whoever uses ${login} loses it at once, also who is not seen: rotating asks for a yes.`;
    return [{ check: 'consumers', level: 'warning', message, remedy }];
  }
  const until =
    credential.quietFor === null
      ? 'until a person says'
      : `until nobody was seen for ${credential.quietFor}, or a person says,`;
  const message = `The old value of ${login} is not ended ${until} that nobody uses it any more.`;
  return [{ check: 'consumers', level: 'warning', message, remedy }];
}

/** What must be the same when a plan is applied: where values are and go, how, and what stood in the way. */
function digestOf(
  { id, target, adminUsername, credential }: RegisteredService,
  strategy: Strategy,
  placement: Placement | null,
  findings: readonly Finding[],
): string {
  const { slots, settings, gracePeriodMs, consumers, maxGraceMs, quietForMs, verification, isRollbackAutomatic } =
    credential;
  const checks = findings
    .filter(({ check }) => check !== 'conflict')
    .map(({ check, level }) => `${check}=${level}`)
    .sort();
  const facts = [
    id,
    target,
    adminUsername,
    strategy,
    placement,
    slots,
    settings,
    gracePeriodMs,
    [consumers, maxGraceMs, quietForMs],
    verification,
    isRollbackAutomatic,
    checks,
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
}

/** @throws DomainError `target_not_ready` with everything that stands in the way */
export function assertCanApply({ view }: Planned): void {
  if (view.canApply) return;
  const errors = view.findings.filter(({ level }) => level === 'error');
  const [first] = errors;
  throw new DomainError('target_not_ready', 'refused', first?.message ?? 'The target is not ready.', {
    about: 'target',
    ...(first?.remedy != null && { remedy: first.remedy }),
    errors: errors.map(({ check, message }) => ({ path: check, message })),
  });
}
