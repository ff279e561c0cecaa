import type pg from 'pg';
import { SEALING_SERVICES } from '@dsops/contracts/service-names';
import { MIGRATION_LOCK, readKeyState, roleOf, SEALED_TABLES, type KeyState } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import { howToPutBack, KeyFiles, rewrap, Sealer, type FoundKeys, type MasterKey } from '@dsops/sealing';
import { nextStep, type NextStep } from './next-step.js';
import { SealedRowsRepository } from './sealed-rows.repository.js';

/** Held by the one change that runs on a database. */
const CHANGE_LOCK = 4_127_533_002;
/** Values sealed anew in one transaction. */
const BATCH = 200;

export interface Progress {
  /** `check`: does everything open? `seal`: values go to the new key. `prove`: does everything open under it? */
  readonly phase: 'check' | 'seal' | 'prove';
  /** Values. */
  readonly done: number;
  readonly total: number;
}

export interface KeyChangeOptions {
  /** Of the master key; what belongs to it lies beside it. */
  readonly keyFile: string;
  /** A session of whoever administers the database, used by nobody else. Its commits are durable, as those of `withClient` are. */
  readonly client: pg.Client;
  /** Changes whatever else in the database comes from the master key, in the transaction from which on the new one counts. */
  readonly adopt: (key: MasterKey) => Promise<void>;
  /** Gives the services what they need of the new key, before it becomes the key file. Done again after a kill. */
  readonly handOut: (key: MasterKey) => Promise<void>;
  readonly onProgress: (progress: Progress) => void;
  /** Ends it between two batches; it can be resumed. */
  readonly signal: AbortSignal;
}

export interface KeyChange {
  /** The id of the key that the installation has now. */
  readonly keyId: string;
  /** How many values it seals. */
  readonly values: number;
  /** Where the former key is; null when that is not known. */
  readonly former: string | null;
  /** Where a `.next` was put that the database did not know. */
  readonly setAside: string | null;
}

/**
 * Seals everything under a new master key, or goes on with that from wherever it was left: see next-step.ts. Nobody may
 * use the database meanwhile.
 * @throws DomainError with what stands in the way. Run again, it goes on.
 */
export async function changeMasterKey(options: KeyChangeOptions): Promise<KeyChange> {
  return new ChangeOfMasterKey(options).run();
}

class ChangeOfMasterKey {
  private readonly files: KeyFiles;
  private readonly rows: SealedRowsRepository;
  private former: string | null = null;
  private setAside: string | null = null;

  constructor(private readonly options: KeyChangeOptions) {
    this.files = new KeyFiles(options.keyFile);
    this.rows = new SealedRowsRepository(options.client);
  }

  async run(): Promise<KeyChange> {
    await this.lockOutOthers();
    for (let isChanged = false; ;) {
      const state = await this.state();
      const keys = await this.files.look();
      const step = await this.decide(state, keys);
      if (step.is === 'begin' && isChanged) return this.result(state);
      isChanged = (await this.take(step, state, keys)) || isChanged;
    }
  }

  /** @returns whether the installation has its new key now */
  private async take(step: NextStep, state: KeyState, keys: FoundKeys): Promise<boolean> {
    switch (step.is) {
      case 'begin':
        await this.begin(keys, step.setAside);
        return false;
      case 'withdraw':
        await this.settle(state, state.keyId, () => Promise.resolve());
        return false;
      case 'reseal':
        await this.reseal(state, keys);
        return true;
      case 'install':
        await this.install(state, keys);
        return true;
      case 'missing':
        throw missing(step, this.options.keyFile, keys);
    }
  }

  private async begin({ current, next }: FoundKeys, isLeftOver: boolean): Promise<void> {
    const from = current!;
    await this.assertAlone('Nothing was changed.');
    // A value that does not open now would stop the change half way.
    await this.openAll(from, 'check');
    if (isLeftOver) this.setAside = await this.files.setNextAside(next!);
    const to = await this.files.makeNext();
    await this.transaction(async ({ client }) => {
      const { rowCount } = await client.query(
        'update rotation.installation set next_key_id = $1 where key_id = $2 and next_key_id is null',
        [to.id, from.id],
      );
      if (rowCount !== 1) throw disturbed();
      // The guard of notification's table waits for the new key meanwhile.
      await client.query('delete from notification.sealing_key');
      for (const service of SEALING_SERVICES)
        await client.query(`revoke usage on schema ${service} from ${roleOf(service)}`);
    });
  }

  private async reseal(state: KeyState, keys: FoundKeys): Promise<void> {
    await this.assertAlone('The change that has begun waits.');
    const [from, to] = [keyWith(keys, state.keyId), keyWith(keys, state.nextKeyId!)];
    const { all, under } = await this.rows.count(to.id);
    for (let done = under; ;) {
      this.report('seal', done, all);
      const moved = await this.sealBatch(from, to);
      if (moved === 0) break;
      done += moved;
    }
    await this.openAll(to, 'prove');
    await this.settle(state, to.id, () => this.options.adopt(to));
  }

  /** @returns how many values it moved; 0 when none is left */
  private async sealBatch(from: MasterKey, to: MasterKey): Promise<number> {
    this.assertGoesOn();
    return this.transaction(async () => {
      for (const table of SEALED_TABLES) {
        const rows = await this.rows.lockUnder(table, from.id, BATCH);
        if (rows.length === 0) continue;
        const [before, after] = [from.serviceKey(table.service), to.serviceKey(table.service)];
        const opener = new Sealer(after);
        const anew = rows.map((row) => ({ ...row, sealed: rewrap(before, after, row.place, row.sealed) }));
        // The old wrapping is gone once this is written: it is proven before.
        for (const { place, sealed } of anew) opener.unseal(place, sealed);
        await this.rows.rewrap(table, from.id, anew);
        return rows.length;
      }
      return 0;
    });
  }

  /** Everything opens, or an error says what does not. */
  private async openAll(key: MasterKey, phase: 'check' | 'prove'): Promise<void> {
    const { all } = await this.rows.count(null);
    let done = 0;
    for (const table of SEALED_TABLES) {
      const sealer = new Sealer(key.serviceKey(table.service));
      for (let last: readonly string[] | null = null; ;) {
        this.assertGoesOn();
        const rows = await this.rows.after(table, last, BATCH);
        for (const { place, sealed } of rows) sealer.unseal(place, sealed);
        done += rows.length;
        this.report(phase, done, all);
        if (rows.length < BATCH) break;
        last = rows.at(-1)!.key;
      }
    }
  }

  /** Makes a key, under which every value is by now, the only one, and lets the services in again. */
  private settle({ nextKeyId }: KeyState, keyId: string, adopt: () => Promise<void>): Promise<void> {
    return this.transaction(async ({ client }) => {
      await this.rows.lockTables();
      const { all, under } = await this.rows.count(keyId);
      const { rowCount } = await client.query(
        'update rotation.installation set key_id = $1, next_key_id = null where next_key_id = $2',
        [keyId, nextKeyId],
      );
      if (rowCount !== 1 || all !== under) throw disturbed();
      await client.query(
        'insert into notification.sealing_key (key_id) values ($1) on conflict (only_row) do update set key_id = $1',
        [keyId],
      );
      for (const service of SEALING_SERVICES)
        await client.query(`grant usage on schema ${service} to ${roleOf(service)}`);
      await adopt();
    });
  }

  private async install({ keyId }: KeyState, { current, next }: FoundKeys): Promise<void> {
    await this.options.handOut(next!);
    if (current?.id === keyId) await this.files.dropNext();
    else this.former = await this.files.installNext(current);
  }

  private async result({ keyId }: KeyState): Promise<KeyChange> {
    const { all } = await this.rows.count(null);
    return { keyId, values: all, former: this.former, setAside: this.setAside };
  }

  private async decide({ keyId, nextKeyId }: KeyState, { current, next, kept }: FoundKeys): Promise<NextStep> {
    const { under } = await this.rows.count(nextKeyId);
    return nextStep({
      keyId,
      nextKeyId,
      current: current?.id ?? null,
      next: next?.id ?? null,
      kept: kept.map(({ key }) => key.id),
      sealedUnderNext: under,
    });
  }

  private async state(): Promise<KeyState> {
    const state = await readKeyState(this.options.client);
    if (state !== null) return state;
    throw new DomainError(
      'nothing_sealed',
      'refused',
      'This database has not been used yet: nothing is sealed in it.',
      {
        remedy: 'Start dsops once. Until then the key file can be deleted, and is made anew.',
      },
    );
  }

  private async lockOutOthers(): Promise<void> {
    const { rows } = await this.options.client.query<{ isOurs: boolean }>(
      'select pg_try_advisory_lock($1) as "isOurs"',
      [CHANGE_LOCK],
    );
    if (rows[0]?.isOurs) return;
    throw new DomainError('key_change_running', 'conflict', 'The master key is being changed by another process.', {
      remedy: 'Wait for its end. If it was killed, its session ends soon: run the same command again then.',
    });
  }

  /** @throws DomainError `database_in_use` while a service that seals has a session here */
  private async assertAlone(outcome: string): Promise<void> {
    const { rows } = await this.options.client.query<{ role: string; sessions: number }>(
      `select usename as role, count(*)::int as sessions from pg_stat_activity
        where datname = current_database() and usename = any($1) group by usename order by usename`,
      [SEALING_SERVICES.map(roleOf)],
    );
    if (rows.length === 0) return;
    const who = rows.map(({ role, sessions }) => `${role} (sessions: ${sessions})`).join(', ');
    throw new DomainError('database_in_use', 'conflict', `Services use this database: ${who}. ${outcome}`, {
      remedy: 'Stop them, and whatever keeps their sessions open, and run the same command again.',
    });
  }

  private assertGoesOn(): void {
    if (!this.options.signal.aborted) return;
    throw new DomainError('key_change_interrupted', 'refused', 'Stopped. Every value is as readable as before.', {
      remedy: 'Run the same command again: it goes on where it was.',
    });
  }

  private report(phase: Progress['phase'], done: number, total: number): void {
    this.options.onProgress({ phase, done, total });
  }

  private async transaction<T>(work: (options: KeyChangeOptions) => Promise<T>): Promise<T> {
    const { client } = this.options;
    await client.query('begin');
    try {
      // Whoever prepares schemas and roles meanwhile would let the services in.
      await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      const result = await work(this.options);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    }
  }
}

/** The key of this id; {@link nextStep} has seen that it is there. */
function keyWith({ current, next, kept }: FoundKeys, id: string): MasterKey {
  const key = [current, next, ...kept.map((one) => one.key)].find((one) => one?.id === id);
  if (key == null) throw new TypeError('The decision names a key that was not found.');
  return key;
}

const disturbed = (): DomainError =>
  new DomainError('key_change_disturbed', 'conflict', 'Somebody else changed the installation in the meantime.', {
    remedy: 'Stop every dsops on this database, and run the same command again.',
  });

function missing({ keyId, place }: NextStep & { is: 'missing' }, keyFile: string, keys: FoundKeys): DomainError {
  const [wanted, present] = place === 'key file' ? [keyFile, keys.current] : [`${keyFile}.next`, keys.next];
  const kept = keys.kept.find(({ key }) => key.id === keyId);
  return new DomainError(
    'key_missing',
    'refused',
    `Values are sealed with the key ${keyId}, which is not in ${wanted}.`,
    {
      remedy: kept
        ? `${howToPutBack(kept, wanted, keyFile, present?.id ?? null)}, and run the same command again. Nothing was changed.`
        : `Put the backup of the key ${keyId} back at ${wanted}, and run the same command again. Nothing was changed.`,
    },
  );
}
