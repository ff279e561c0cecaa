import type { Bell } from '@dsops/background';
import type { RotationState } from '@dsops/contracts/rotation/states';
import type { Unit, UnitOfWork } from '@dsops/messaging';
import { databaseNowMs } from '../database/clock.repository.js';
import type { OpenRotations } from '../open-rotations.js';
import type { Tx } from '../database/tx.js';
import { announce } from './announcement.js';
import { RESTORED } from '../engine/decide.js';
import type { Happening } from '../engine/journal.js';
import { RotationJournal } from './rotation-journal.js';
import type { Rotation } from '../engine/rotation.js';
import type { RotationRepository, RotationRow } from './rotation.repository.js';

/** What the registry and the installation ask of the engine. */
export class EngineOpenRotations implements OpenRotations {
  constructor(
    private readonly rotations: RotationRepository,
    private readonly bell: Bell,
  ) {}

  of(tx: Tx, serviceId: string): Promise<{ readonly id: string; readonly state: RotationState } | null> {
    return this.rotations.openOfService(tx, serviceId);
  }

  async tryAgain(unit: Unit<Tx>, serviceId: string): Promise<void> {
    const open = await this.rotations.openOfService(unit.tx, serviceId);
    const loaded = open && (await this.rotations.lock(unit.tx, open.id));
    if (!loaded?.rotation || loaded.rotation.isSettled) return;
    const { asking, tries } = loaded.rotation;
    if (asking ? asking.byPerson : tries === 0) return;
    await this.tell(unit, loaded.row, loaded.rotation, { kind: 'resumed', by: 'probe' }, await databaseNowMs(unit.tx));
  }

  async wake(units: UnitOfWork<Tx>, credentialId: string): Promise<void> {
    await units.run(async (unit) => {
      await this.rotations.wake(unit.tx, credentialId);
      unit.afterCommit(() => this.bell.ring());
    });
  }

  async holdForRestore(unit: Unit<Tx>, reason: string): Promise<void> {
    const nowMs = await databaseNowMs(unit.tx);
    for (const id of await this.rotations.openIds(unit.tx)) {
      const loaded = await this.rotations.lock(unit.tx, id);
      if (!loaded?.rotation || loaded.rotation.asking?.code === RESTORED.code) continue;
      const { row, rotation } = loaded;
      const ask = { ...RESTORED, message: `${RESTORED.message} ${reason}`, byPerson: true };
      await this.tell(unit, row, rotation, { kind: 'asked', untilMs: null, ask }, nowMs);
    }
  }

  private async tell(
    unit: Unit<Tx>,
    row: RotationRow,
    rotation: Rotation,
    happening: Happening,
    nowMs: number,
  ): Promise<void> {
    const journal = new RotationJournal(this.rotations, row, rotation, { atMs: nowMs, fence: null });
    const after = journal.add(happening);
    await journal.write(unit.tx, { kind: 'woken', at: new Date(nowMs) });
    const names = (await this.rotations.namesOf(unit.tx, [row.serviceId])).get(row.serviceId);
    if (!names) return;
    const { serviceId, credentialId, strategy, id: rotationId } = row;
    const subject = { ...names, serviceId, credentialId, strategy, rotationId };
    announce(after, happening, subject, (event) => unit.emit(event), row.requestedBy);
  }
}
