/**
 * One process of the load proof: a service as it runs in production, with MessagingModule, a port of its own and the
 * embedded transport. It talks to its parent by IPC. Started by load.ts with a JSON argument:
 * {role: 'producer' | 'consumer', name, database: {host, port, database, password}, chaosRate, consumers}
 */
import { Module } from '@nestjs/common';
import { rotationStarted } from '@dsops/contracts';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { Secret } from '@dsops/kernel';
import { EmbeddedTransport, EventConsumer, Handles, MessagingModule, UNIT_OF_WORK } from '@dsops/messaging';
import { ChaosTransport } from '@dsops/messaging/conformance';
import { createLogger, HttpInvoker, startServiceApp, TOKEN_HEADER } from '@dsops/platform';

const { role, name, database, chaosRate, consumers } = JSON.parse(process.argv[2]);
const TOKEN = 'token of the load proof';
const service = role === 'producer' ? 'rotation' : 'notification';
const logger = createLogger({ service: name, level: process.env.DSOPS_TEST_LOG ?? 'silent' });
const options = { ...database, password: new Secret(database.password), poolSize: 12 };
const client = connect(PrismaClient, service, options);
const embedded = new EmbeddedTransport({ ...options, poolSize: 6, logger, pollMs: 50 });

const isUnlucky = () => Math.random() < chaosRate;
const transport = new ChaosTransport(embedded, {
  // The last event of every key is lost for certain: no later event would betray it.
  drops: ({ event }) => isUnlucky() || (chaosRate > 0 && event.data.reason.startsWith('last ')),
  doubles: isUnlucky,
  delays: isUnlucky,
});

/** Writes an effect for every event. Nothing in the table forbids a second one: that is what is counted. */
class Effects {
  async write(event, unit) {
    await unit.tx.$executeRawUnsafe(
      'insert into effects (consumer, key, sequence, command) values ($1, $2, $3::bigint, $4)',
      name,
      event.partitionkey,
      event.sequence,
      event.data.reason,
    );
    if (!event.data.reason.startsWith('poison ')) return;
    const [{ healed }] = await unit.tx.$queryRawUnsafe('select exists (select from healed) as healed');
    if (!healed) throw new Error('poison');
  }
}
EventConsumer(name)(Effects);
Handles(rotationStarted)(Effects.prototype, 'write');

const declarations = consumers.map((consumer) => ({
  name: consumer,
  service: 'notification',
  topics: ['rotation-events'],
  handles: [rotationStarted],
  retryDelaysMs: [50, 50],
  deadLetter: 'blocks',
  isOrderFree: false,
}));

// A process may ask any of the producers, which the parent names; the one it asks may just have been killed.
let producerUrls = [];
let asked = 0;
const invoker = new HttpInvoker(() => producerUrls[(asked += 1) % producerUrls.length] ?? 'http://127.0.0.1:1', TOKEN);

class LoadModule {}
Module({
  imports: [
    MessagingModule.forService({
      service,
      database: client,
      transport,
      logger,
      invoker,
      declarations: role === 'producer' ? declarations : declarations.filter((one) => one.name === name),
      relay: { leaseMs: 2_000, pollMs: 100, keepSentMs: 0, pruneEveryMs: 1_000 },
      sweep: { everyMs: 500, fullEveryMs: 5_000 },
      consumer: { duePollMs: 50 },
    }),
  ],
  providers: role === 'producer' ? [] : [Effects],
})(LoadModule);

const { app, url } = await startServiceApp(LoadModule, { logger, token: TOKEN });
const unitOfWork = app.get(UNIT_OF_WORK);

/** A command of the client, done once however often it is sent: a row of its own and one event for each of its keys. */
const perform = ({ id, text, keys }) =>
  unitOfWork.run(async (unit) => {
    const isFirst = await unit.tx.$executeRawUnsafe('insert into commands (id) values ($1) on conflict do nothing', id);
    if (isFirst === 0) return;
    for (const key of keys)
      unit.emit({
        event: rotationStarted,
        key,
        subject: `rotation/${id}`,
        data: { ...rotationStarted.example, reason: text },
      });
  });

process.on('message', async (message) => {
  if (message.stop) {
    await transport.flush();
    await app.close();
    await embedded.close();
    await client.$disconnect();
    process.disconnect();
    return;
  }
  if (message.producerUrls) {
    ({ producerUrls } = message);
    return;
  }
  if (message.replay) {
    const { status } = await fetch(`${url}/internal/dead-letters/${message.replay}/replay`, {
      method: 'POST',
      headers: { [TOKEN_HEADER]: TOKEN },
    });
    process.send({ replayed: status });
    return;
  }
  try {
    await perform(message.command);
    process.send({ done: message.command.id });
  } catch (error) {
    logger.warn({ error }, 'command failed');
    process.send({ failed: message.command.id });
  }
});
process.on('disconnect', () => process.exit(0)); // the parent has gone
process.send({ ready: url });
