/**
 * One process of the load proof: a service as it runs in production, with MessagingModule and a port of its own. It talks
 * to its parent by IPC. Started by service-process.ts with a JSON argument:
 * {role: 'producer' | 'consumer', name, database: {host, port, database, password, poolSize},
 *  consumers: [{name, takes: 'each' | 'together'}], hosts: [name],
 *  transport: {kind: 'embedded', chaosRate} | {kind: 'dapr', port, sidecarUrl, apiToken, topicPrefix}, token,
 *  messaging: {relay?, sweep?, consumer?}}
 */
import { Module } from '@nestjs/common';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { connect, execute, query, sql } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { Secret } from '@dsops/kernel';
import { EventConsumer, Handles, HandlesTogether, MessagingModule, UNIT_OF_WORK } from '@dsops/messaging';
import { createLogger, HttpInvoker, startServiceApp, TOKEN_HEADER } from '@dsops/platform';
import { openTransport } from './transports.mjs';

const { role, name, database, consumers, hosts, transport: how, token, messaging } = JSON.parse(process.argv[2]);
const service = role === 'producer' ? 'rotation' : 'notification';
const logger = createLogger({ service: name, level: process.env.DSOPS_TEST_LOG ?? 'silent' });
const options = { ...database, password: new Secret(database.password) };
const client = connect(PrismaClient, service, options);

const all = consumers.map((consumer) => ({
  name: consumer.name,
  service: 'notification',
  topics: ['rotation-events'],
  handles: [rotationStarted],
  retryDelaysMs: [50, 50],
  deadLetter: 'blocks',
  isOrderFree: false,
}));
const own = all.filter((declaration) => hosts.includes(declaration.name));
const { transport, imports, listen, flush, close } = openTransport(how, {
  database: options,
  declarations: own,
  logger,
});

/** The parent knows whose relay is at work, and when: it may want to kill that one, in the middle of it. */
const publish = transport.publish.bind(transport);
transport.publish = (batch) => {
  process.send({ is: 'publishing' });
  return publish(batch);
};

/** Writes an effect for every event. Nothing in the table forbids a second one: that is what is counted. */
async function writeEffects(tx, consumer, events) {
  await execute(
    tx,
    sql`insert into effects (consumer, process, key, sequence, command)
     select ${consumer}, ${name}, * from unnest(
       ${events.map(({ partitionkey }) => partitionkey)}::text[],
       ${events.map(({ sequence }) => sequence)}::text[]::bigint[],
       ${events.map(({ data }) => data.reason)}::text[]
     )`,
  );
  if (!events.some(({ data }) => data.reason.startsWith('poison '))) return;
  const [{ healed }] = await query(tx, sql`select exists (select from healed) as healed`);
  if (!healed) throw new Error('poison');
}

/** A consumer of this process, which takes events one by one or as many as there are. */
function consumerClass({ name: consumer, takes }) {
  class Effects {
    each = (event, unit) => writeEffects(unit.tx, consumer, [event]);
    together = (events, tx) => writeEffects(tx, consumer, events);
  }
  EventConsumer(consumer)(Effects);
  const handles = takes === 'each' ? Handles : HandlesTogether;
  handles(rotationStarted)(Effects.prototype, takes);
  return Effects;
}

// A process may ask any of the producers, which the parent names; the one it asks may just have been killed.
let producerUrls = [];
let asked = 0;
const invoker = new HttpInvoker(() => producerUrls[(asked += 1) % producerUrls.length] ?? 'http://127.0.0.1:1', token);

class LoadModule {}
Module({
  imports: [
    MessagingModule.forService({
      service,
      database: client,
      transport,
      logger,
      invoker,
      declarations: role === 'producer' ? all : own,
      ...messaging,
    }),
    ...imports,
  ],
  providers: consumers.filter((consumer) => hosts.includes(consumer.name)).map(consumerClass),
})(LoadModule);

const { app, url, close: closeApp } = await startServiceApp(LoadModule, { logger, token, ...listen });
const unitOfWork = app.get(UNIT_OF_WORK);

/** A command of the client, done once however often it is sent: a row of its own and one event for each of its keys. */
const perform = ({ id, text, keys }) =>
  unitOfWork.run(async (unit) => {
    const isFirst = await execute(unit.tx, sql`insert into commands (id) values (${id}) on conflict do nothing`);
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
    await flush();
    await closeApp();
    await close();
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
      headers: { [TOKEN_HEADER]: token },
    });
    process.send({ is: 'replayed', status });
    return;
  }
  try {
    await perform(message.command);
    process.send({ is: 'done', id: message.command.id });
  } catch (error) {
    logger.warn({ error }, 'command failed');
    process.send({ is: 'failed', id: message.command.id });
  }
});
process.on('disconnect', () => process.exit(0)); // the parent has gone
process.send({ is: 'ready', url });
