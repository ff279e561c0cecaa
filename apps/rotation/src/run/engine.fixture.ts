import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Actor } from '@dsops/contracts/principal';
import type { RotationView } from '@dsops/contracts/rotation/api';
import type { RotationState } from '@dsops/contracts/rotation/states';
import type { Strategy } from '@dsops/contracts/rotation/strategies';
import { query, sql } from '@dsops/database';
import { newId } from '@dsops/kernel';
import { createLogger } from '@dsops/platform';
import { eventually } from '@dsops/testing';
import { assemble } from '../assembly.js';
import type { RegisteredService } from '../registry/service.js';
import type { Login, TargetDriver } from '@dsops/drivers/driver';
import { scramVerifier } from '@dsops/drivers/postgresql/scram';
import type { PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { aService, openRotationDatabase } from '../vault/rotation-database.fixture.js';
import type { Version } from '../vault/version.js';
import type { OnConflict } from '../requests/rotation.service.js';
import { Sealer } from '@dsops/sealing';
import type { RotationWorker, WorkerOptions } from './rotation.worker.js';

/** For a machine that is busy with something else; no test measures time. */
export const PATIENCE_MS = 40_000;

export const ann: Actor = { kind: 'user', id: 'u1', name: 'Ann' };

export interface StartOptions {
  readonly strategy?: Strategy;
  readonly onConflict?: OnConflict;
  readonly digest?: string;
  readonly acceptsBreaking?: boolean;
}

/** The whole engine over a database of its own and a real PostgreSQL as its target, without HTTP. */
export async function openEngine(target: PostgresqlWorld, driver: TargetDriver = target.driver) {
  const world = await openRotationDatabase();
  const { database, units, key, versions, vault } = world;
  const home = await mkdtemp(join(tmpdir(), 'dsops-home-'));
  const logger = createLogger({ service: 'rotation', level: 'silent' });
  const markPath = join(home, 'mark.json');
  const assembly = await assemble(
    { database, keyId: key.id, markPath, drivers: [driver], logger },
    units,
    new Sealer(key),
  );
  const { planning, queries, rotations, checkOuts, installation, rotationService: service } = assembly;
  const workers: RotationWorker[] = [];

  /** Another worker, with a memory of its own. */
  function startWorker(options: Partial<WorkerOptions> = {}): RotationWorker {
    const worker = assembly.newWorker({ lookEveryMs: 20, ...options });
    worker.start();
    workers.push(worker);
    return worker;
  }

  /** A service on the target whose first slot is in use, its value taken over as CURRENT. */
  async function addLive(facts: Partial<RegisteredService['credential']> = {}): Promise<RegisteredService> {
    const credential = { ...aService().credential, ...facts };
    const added = await world.addService({ target: target.target, adminUsername: target.admin.username, credential });
    await database.$transaction((tx) => vault.sealAdmin(tx, added.id, target.admin));
    const value = driver.generate();
    const slot = added.credential.slots[0]!;
    await target.asSuperuser(`ALTER ROLE ${slot.login} LOGIN PASSWORD '${await scramVerifier(value)}'`);
    await database.$transaction((tx) =>
      vault.seal(tx, {
        versionId: added.id.replace(/^../, '00'),
        credentialId: added.credential.id,
        slot,
        target: added.target,
        label: 'CURRENT',
        value,
      }),
    );
    return added;
  }

  /** A value that lives in a slot though it is not CURRENT: what a rollback leaves that could not end it. */
  async function leaveBehind(of: RegisteredService, slot: string): Promise<Version> {
    const value = driver.generate();
    await target.asSuperuser(`ALTER ROLE ${slot} LOGIN PASSWORD '${await scramVerifier(value)}'`);
    const versionId = newId();
    return database.$transaction(async (tx) => {
      const facts = {
        versionId,
        credentialId: of.credential.id,
        slot: { name: slot, login: slot },
        target: of.target,
        label: 'PENDING' as const,
      };
      const version = await vault.seal(tx, { ...facts, value });
      await vault.moveLabels(tx, of.credential.id, [{ versionId, from: 'PENDING', to: null }]);
      return version;
    });
  }

  const place = ({ environment, name }: RegisteredService) => ({ environment, service: name });

  async function start(of: RegisteredService, options: StartOptions = {}): Promise<RotationView> {
    const planned = await planning.plan(place(of), options.strategy);
    const { onConflict = 'reject', digest, acceptsBreaking = false } = options;
    return units.run((unit) =>
      service.start(unit, {
        planned,
        onConflict,
        digest,
        acceptsBreaking,
        reason: 'a test',
        trigger: 'manual',
        actor: ann,
      }),
    );
  }

  const versionsOf = (of: RegisteredService): Promise<Version[]> => versions.ofCredential(database, of.credential.id);
  const current = async (of: RegisteredService): Promise<Version> => {
    const found = (await versionsOf(of)).find(({ label }) => label === 'CURRENT');
    if (!found) throw new Error('Nothing is CURRENT.');
    return found;
  };
  const loginOf = (versionId: string): Promise<Login> => vault.open(database, versionId);

  return {
    ...world,
    installation,
    administrators: assembly.administrators,
    registryService: assembly.registryService,
    mark: assembly.highWaterMark,
    rotations,
    checkOuts,
    planning,
    service,
    queries,
    turns: assembly.newTurns,
    startWorker,
    addLive,
    leaveBehind,
    place,
    start,
    versionsOf,
    current,
    /** What a login with each version really meets, past driver and proxy, by name. */
    async accepted(of: RegisteredService): Promise<string[]> {
      const names: string[] = [];
      for (const { id, name } of await versionsOf(of)) if (await target.canLogIn(await loginOf(id))) names.push(name);
      return names;
    },
    rollBack: (of: RegisteredService, by: { actor: Actor; reason: string } = { actor: ann, reason: 'a test' }) =>
      units.run((unit) => service.rollBack(unit, { place: place(of), version: undefined, ...by })),
    abandon: (id: string, reason = 'a test') =>
      units.run((unit) => assembly.abandonment.abandon(unit, id, reason, ann)),
    clear: async (of: RegisteredService, id: string, overrideCheckOuts = false) => {
      const { held } = await queries.find(id);
      const seen = held?.seen ?? 'nobody';
      return units.run((unit) =>
        service.clear(unit, { place: place(of), reason: 'a test', seen, overrideCheckOuts, actor: ann }),
      );
    },
    resume: (id: string) => units.run((unit) => service.resume(unit, id, 'a test', ann)),
    /** The rotation waits for its grace period or for who holds the old value. */
    waiting: (id: string): Promise<RotationView> =>
      eventually(async () => {
        const view = await queries.find(id);
        if (view.wakeAt === null) throw new Error(`It does not wait: it is ${view.state}.`);
        return view;
      }, PATIENCE_MS),
    until: (id: string, ...states: RotationState[]): Promise<RotationView> =>
      eventually(async () => {
        const view = await queries.find(id);
        if (!states.includes(view.state))
          throw new Error(`${view.state}: ${JSON.stringify(view.error ?? view.steps.at(-1))}`);
        return view;
      }, PATIENCE_MS),
    settled: (id: string): Promise<void> =>
      eventually(async () => {
        if (!(await rotations.find(database, id))?.row.isSettled) throw new Error('It is not settled.');
      }, PATIENCE_MS),
    events: async (of: RegisteredService): Promise<{ type: string; data: Record<string, unknown> }[]> =>
      query(database, sql`select type, data from outbox where key = ${of.id} order by sequence`),
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await world.close();
      await rm(home, { recursive: true });
    },
  };
}
export type Engine = Awaited<ReturnType<typeof openEngine>>;
