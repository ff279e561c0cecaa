import type { ServiceName } from '@dsops/contracts/service-names';
import type { Topic } from '@dsops/contracts/topics';
import { type Database, execute, query, sql, type SqlExecutor } from '@dsops/database';
import { startAtHeads } from './cursor.repository.js';
import type { HeadsAnswer } from './heads.js';
import type { ProducerClient } from './producer-client.service.js';

/**
 * Where a consumer begins, decided once when it first registers:
 *   beginning  at sequence 1 of every key. For consumers that are there before the first event, such as the audit log:
 *              whatever is missing is a loss.
 *   now        at the present heads, which are recorded; what lies below is history. For consumers that come later.
 */
export type StartsFrom = 'beginning' | 'now';

interface Registration {
  readonly consumer: string;
  readonly topics: readonly Topic[];
  readonly producers: readonly ServiceName[];
  readonly startsFrom: StartsFrom;
}

/** Is its start decided and recorded? */
export async function isRegistered(database: SqlExecutor, consumer: string): Promise<boolean> {
  const rows = await query<unknown>(database, sql`select 1 from consumers where name = ${consumer}`);
  return rows.length > 0;
}

/**
 * Registers a consumer, if it is not registered yet. A start from `now` needs an answer of every producer, and is
 * recorded in one transaction with the heads: nothing is consumed before.
 * @throws DomainError `service_unavailable` when a producer does not answer
 */
export async function register(
  database: Database,
  client: ProducerClient | undefined,
  registration: Registration,
): Promise<void> {
  const { consumer, topics, producers, startsFrom } = registration;
  if (await isRegistered(database, consumer)) return;
  const heads: HeadsAnswer['heads'] = [];
  if (startsFrom === 'now') {
    if (client === undefined) throw new TypeError(`${consumer} starts from now, which needs an invoker.`);
    for (const producer of producers) heads.push(...(await allHeads(client, producer, consumer, topics)));
  }
  await database.$transaction(async (tx) => {
    const first = await execute(
      tx,
      sql`insert into consumers (name, starts_from) values (${consumer}, ${startsFrom}) on conflict (name) do nothing`,
    );
    if (first === 1) await startAtHeads(tx, consumer, heads);
  });
}

async function allHeads(
  client: ProducerClient,
  producer: ServiceName,
  consumer: string,
  topics: readonly Topic[],
): Promise<HeadsAnswer['heads']> {
  const heads: HeadsAnswer['heads'] = [];
  let after: HeadsAnswer['next'] = null;
  do {
    const answer: HeadsAnswer = await client.heads(producer, {
      consumer,
      topics: [...topics],
      ...(after === null ? {} : { after }),
      cursors: [],
    });
    heads.push(...answer.heads);
    after = answer.next;
  } while (after !== null);
  return heads;
}
