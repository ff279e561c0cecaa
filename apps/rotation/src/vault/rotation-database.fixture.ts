import type { Slot } from '@dsops/drivers/driver';
import { PrismaClient } from '@dsops/database/rotation';
import { connect } from '@dsops/database';
import { newId, Secret } from '@dsops/kernel';
import { PrismaUnitOfWork, type UnitOfWork } from '@dsops/messaging';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import type { RegisteredService } from '../registry/service.js';
import { RegistryRepository } from '../registry/registry.repository.js';
import { MasterKey, newKeyBytes, Sealer, type ServiceKey } from '@dsops/sealing';
import type { Tx } from '../database/tx.js';
import { VaultRepository } from './vault.repository.js';
import { VaultService } from './vault.service.js';
import type { Version, VersionLabel } from './version.js';

/** A migrated database of its own with the vault over it, for specs. */
export interface RotationDatabase {
  readonly test: TestDatabase;
  readonly database: PrismaClient;
  readonly units: UnitOfWork<Tx>;
  readonly key: ServiceKey;
  readonly versions: VaultRepository;
  readonly registry: RegistryRepository;
  readonly vault: VaultService;
  /** Stores a service with its credential; what is not said has a default. */
  addService(facts?: Partial<RegisteredService>): Promise<RegisteredService>;
  /** Seals a value for the service. */
  addVersion(service: RegisteredService, label: VersionLabel, value?: string, slot?: string): Promise<Version>;
  close(): Promise<void>;
}

export const aService = (facts: Partial<RegisteredService> = {}): RegisteredService => ({
  id: newId(),
  name: `service-${newId().slice(-8).toLowerCase()}`,
  environment: 'production',
  type: 'postgresql',
  target: { host: '127.0.0.1', port: 5432, database: 'shop', sslMode: 'disable' },
  adminUsername: 'shop_admin',
  managedBy: 'api',
  createdAt: new Date('2026-11-21T12:00:00.000Z'),
  ...facts,
  credential: {
    id: newId(),
    name: 'login',
    strategy: 'two-key',
    slots: slotsNamed('shop_a', 'shop_b'),
    settings: { slots: ['shop_a', 'shop_b'], owner: 'shop_owner' },
    consumers: 'managed',
    gracePeriod: '0s',
    gracePeriodMs: 0,
    maxGrace: '7d',
    maxGraceMs: 7 * 86_400_000,
    quietFor: null,
    quietForMs: null,
    verification: { check: { query: 'SELECT 1' }, timeoutMs: 5_000 },
    isRollbackAutomatic: true,
    ...facts.credential,
  },
});

/** Slots that bear the names of their logins, as those of PostgreSQL do. */
export const slotsNamed = (...names: string[]): Slot[] => names.map((name) => ({ name, login: name }));

/** What rotation seals with, of a new installation. */
export const aKey = (): ServiceKey => new MasterKey(newKeyBytes()).serviceKey('rotation');

/** `test`: an existing database instead of a new one. */
export async function openRotationDatabase(key = aKey(), test?: TestDatabase): Promise<RotationDatabase> {
  test ??= await createTestDatabase();
  const database = connect(PrismaClient, 'rotation', test.options);
  const versions = new VaultRepository();
  const registry = new RegistryRepository();
  const vault = new VaultService(new Sealer(key), versions);
  return {
    test,
    database,
    units: new PrismaUnitOfWork<Tx>(database, 'rotation'),
    key,
    versions,
    registry,
    vault,
    async addService(facts) {
      const service = aService(facts);
      await database.$transaction((tx) => registry.insert(tx, service));
      return service;
    },
    addVersion: (service, label, value = newId(), slot = service.credential.slots[0]!.name) =>
      database.$transaction((tx) =>
        vault.seal(tx, {
          versionId: newId(),
          credentialId: service.credential.id,
          slot: { name: slot, login: slot },
          target: service.target,
          label,
          value: new Secret(value),
        }),
      ),
    async close() {
      await database.$disconnect();
      await test.drop();
    },
  };
}
