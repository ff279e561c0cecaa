import { describe, expect, it } from '@jest/globals';
import { Secret, systemClock } from '@dsops/kernel';
import { EmbeddedTransport } from '@dsops/messaging';
import { createLogger, HttpInvoker } from '@dsops/platform';
import { PrismaClient } from '@dsops/database/notification';
import { connect } from '@dsops/database';
import { MasterKey, newKeyBytes, Sealer, type ServiceKey } from '@dsops/sealing';
import { defineService } from './define-service.js';
import { ServiceModule } from './service.module.js';

const notification = defineService({ name: 'notification', database: PrismaClient, controllers: [], providers: [] });
const nowhere = { host: '127.0.0.1', port: 1, database: 'none', password: new Secret('none') };
const logger = createLogger({ service: 'notification', level: 'silent' });

const moduleWith = (key: ServiceKey | undefined) =>
  ServiceModule.of(notification, {
    database: connect(PrismaClient, 'notification', nowhere),
    transport: new EmbeddedTransport({ ...nowhere, logger }),
    invoker: new HttpInvoker(() => 'http://127.0.0.1:1', 'none'),
    clock: systemClock,
    logger,
    token: new Secret('none'),
    own: {},
    ...(key && { key }),
  });

describe('a service that seals', () => {
  const master = new MasterKey(newKeyBytes());

  it('has a sealer of its own injected', async () => {
    const { providers = [] } = await moduleWith(master.serviceKey('notification'));
    const found = providers.find((provider) => 'provide' in provider && provider.provide === Sealer);
    const sealer = (found as { useValue: Sealer }).useValue;
    expect(sealer.fingerprint('a')).toBe(master.serviceKey('notification').fingerprint('a'));
  });

  it('is not run without its key, nor with that of another service', async () => {
    for (const key of [undefined, master.serviceKey('rotation')])
      await expect(moduleWith(key)).rejects.toThrow('notification seals, and was not handed its key.');
  });
});
