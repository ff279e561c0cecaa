import { execute, query, sql } from '@dsops/database';
import { newId } from '@dsops/kernel';
import type { Tx } from '../database/tx.js';
import type { Installation, Mode } from './installation.js';

/** The one row that says which installation this database belongs to. */
export class InstallationRepository {
  /** The row, made when there is none yet. Looked for first: an insert would wait for whoever is changing it. */
  async findOrCreate(tx: Tx, keyId: string): Promise<Installation> {
    if ((await tx.installation.findFirst()) === null)
      await execute(
        tx,
        sql`insert into installation (id, key_id, mode, high_water) values (${newId()}, ${keyId}, 'normal', 0)
      on conflict do nothing`,
      );
    return this.find(tx);
  }

  async find(tx: Tx): Promise<Installation> {
    const { onlyRow: _, mode, ...row } = await tx.installation.findFirstOrThrow();
    return { ...row, mode: mode as Mode };
  }

  /**
   * Locked to the end of the transaction. `mark`: one at a time writes the mark. `mode`: also everybody who holds the
   * row with {@link share} is waited for, so that the mode changes under nobody.
   */
  async lock(tx: Tx, reason: 'mark' | 'mode'): Promise<Installation> {
    if (reason === 'mark') await query(tx, sql`select from installation for no key update`);
    else await query(tx, sql`select from installation for update`);
    return this.find(tx);
  }

  /** As {@link share}, for who needs nothing but the mode: one statement, because every turn of a rotation asks. */
  async shareMode(tx: Tx): Promise<Pick<Installation, 'mode' | 'reason'>> {
    const [row] = await query<Pick<Installation, 'mode' | 'reason'>>(
      tx,
      sql`select mode, reason from installation for key share`,
    );
    if (row === undefined) throw new TypeError('The installation is opened before anything else.');
    return row;
  }

  /** Held together by all who need the mode to stay as it is to the end of their transaction. */
  async share(tx: Tx): Promise<Installation> {
    await query(tx, sql`select from installation for key share`);
    return this.find(tx);
  }

  async hasServices(tx: Tx): Promise<boolean> {
    return (await tx.service.findFirst({ select: { id: true } })) !== null;
  }

  async raiseHighWater(tx: Tx): Promise<void> {
    await execute(tx, sql`update installation set high_water = high_water + 1`);
  }

  async update(tx: Tx, change: Partial<Installation>): Promise<void> {
    await tx.installation.updateMany({ data: change });
  }
}
