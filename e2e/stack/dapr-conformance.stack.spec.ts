import { afterAll, beforeAll, describe, it } from '@jest/globals';
import pg from 'pg';
import { connect, type Database } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { transportConformance, type ConformanceHarness } from '@dsops/messaging/conformance';
import { createLogger } from '@dsops/platform';
import { createTestDatabase } from '@dsops/testing';
import { KafkaWorld } from './kafka-world.js';
import { startSidecarApp } from './sidecar-app.js';

const logger = createLogger({ service: 'stack', level: process.env.DSOPS_TEST_LOG ?? 'silent' });

/** The same cases as the embedded transport, on Kafka 4.2 and daprd: nothing in between is ours. */
describe('the Dapr transport on Kafka', () => {
  let world: KafkaWorld | undefined;
  beforeAll(async () => void (world = await KafkaWorld.start()), 900_000);
  afterAll(() => world?.stop());

  async function openHarness(): Promise<ConformanceHarness> {
    const [database, environment] = await Promise.all([createTestDatabase(), world!.environment()]);
    const admin = new pg.Client({ connectionString: database.adminUrl });
    await admin.connect();
    // One generated client serves every role: messaging speaks plain SQL and uses none of its models.
    const clientOf = (schema: 'rotation' | 'notification') =>
      connect(PrismaClient, schema, { ...database.options, poolSize: 10 }) as unknown as Database;
    const producer = clientOf('rotation');
    const consumer = clientOf('notification');
    let opened = 0;
    return {
      producer,
      consumer,
      logger,
      execute: async (statement) => void (await admin.query(statement)),
      openTransport: () =>
        startSidecarApp(world!, environment, { appId: 'notification', logger, name: `daprd-${(opened += 1)}` }),
      close: async () => {
        await producer.$disconnect();
        await consumer.$disconnect();
        await admin.end();
        await database.drop();
      },
    };
  }

  for (const { name, run } of transportConformance) it(name, () => run(openHarness));
});
