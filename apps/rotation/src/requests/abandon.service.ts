import type { Bell } from '@dsops/background';
import type { Actor } from '@dsops/contracts/principal';
import { rotationAbandoned } from '@dsops/contracts/rotation/events';
import { DomainError } from '@dsops/kernel';
import type { Unit } from '@dsops/messaging';
import { databaseNowMs } from '../database/clock.repository.js';
import type { Tx } from '../database/tx.js';
import { abandonment, isStuck } from '../engine/patience.js';
import type { InstallationService } from '../installation/installation.service.js';
import { knownByName } from '../run/announcement.js';
import type { Opening } from '../run/opening.service.js';
import { RotationJournal } from '../run/rotation-journal.js';
import type { LoadedRotation, RotationRepository } from '../run/rotation.repository.js';
import { changeVersions } from '../run/version-rows.js';
import type { VaultService } from '../vault/vault.service.js';
import { unknownRotation } from './rotation.service.js';

export interface AbandonParts {
  readonly rotations: RotationRepository;
  readonly vault: VaultService;
  readonly installation: InstallationService;
  readonly opening: Opening;
  readonly bell: Bell;
}

/**
 * The way out of a rotation that can never end: its target is gone, or nobody administers it any more. The credential is
 * free afterwards, for another rotation or to be removed. Nothing is claimed about the target: no version counts as
 * accepted, and a command that was sent and never answered is left to the next rotation, which settles it first.
 */
export class AbandonService {
  constructor(private readonly parts: AbandonParts) {}

  /** @throws DomainError `rotation_unknown`, `not_stuck`, `installation_restored` */
  async abandon(unit: Unit<Tx>, rotationId: string, reason: string, actor: Actor): Promise<void> {
    const { rotations, vault, installation, opening, bell } = this.parts;
    await installation.assertNormal(unit.tx);
    const loaded = await rotations.lock(unit.tx, rotationId);
    if (!loaded) throw unknownRotation(rotationId);
    const { row, rotation } = loaded;
    if (!rotation || !isStuck(rotation)) throw notStuck(loaded);
    const nowMs = await databaseNowMs(unit.tx);
    const journal = new RotationJournal(rotations, row, rotation, { atMs: nowMs, fence: null });
    const happening = abandonment(rotation, actor.name, reason);
    const after = journal.add(happening);
    const at = new Date(nowMs);
    await changeVersions(vault, unit.tx, row.credentialId, { after, happening, at });
    for (const version of await vault.versionsOf(unit.tx, row.credentialId))
      if (version.endedAt === null) await vault.recordVerdict(unit.tx, version.id, 'inconclusive', at);
    await journal.write(unit.tx);
    const subject = await opening.subjectOf(unit.tx, row);
    unit.emit({
      event: rotationAbandoned,
      key: row.serviceId,
      subject: `rotation/${row.id}`,
      data: { ...subject, reason, known: knownByName(rotation), actor },
    });
    await opening.openNext(unit, row.credentialId, nowMs);
    unit.afterCommit(() => bell.ring());
  }
}

const notStuck = ({ row }: LoadedRotation): DomainError =>
  new DomainError(
    'not_stuck',
    'conflict',
    `Rotation ${row.id} is ${row.state}: only one that cannot go on is abandoned.`,
    {
      remedy: row.isSettled
        ? `See it with: dsops rotation show ${row.id}`
        : 'Let it go on, or bring the previous version back: dsops rotation rollback',
    },
  );
