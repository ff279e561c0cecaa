import { type Database, execute, sql } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import type { Consumer } from '../inbox/consumer.service.js';
import { dropLetter, findLetter, type Letter } from '../letters/letter.repository.js';
import { stillUnknown } from '../letters/refusals.js';

const unknownLetter = (id: string): DomainError =>
  new DomainError('dead_letter_not_found', 'not_found', `There is no dead letter ${id}.`, {
    remedy: 'See the list of dead letters.',
  });

/** @throws DomainError `dead_letter_not_found` */
export async function requireLetter(database: Database, id: string): Promise<Letter> {
  const letter = await findLetter(database, id);
  if (letter === undefined) throw unknownLetter(id);
  return letter;
}

/**
 * Tries a dead letter again. One that blocks its key takes its place in the order, and what waited behind it follows.
 * A released one runs alone, if its handlers are declared order-free or nothing newer of its key was applied since.
 * A letter that was replayed already is answered as it is.
 * @throws DomainError `dead_letter_not_found`, `dead_letter_superseded`, `dead_letter_failed_again`, `dead_letter_still_unknown`
 */
export async function replay(database: Database, consumers: readonly Consumer[], id: string): Promise<Letter> {
  const letter = await requireLetter(database, id);
  if (letter.status !== 'open') return letter;
  const consumer = consumerOf(letter, consumers);
  if (letter.kind === 'unreadable') await replayUnreadable(database, consumer, letter);
  else await consumer.replay(letter);
  return requireLetter(database, id);
}

/**
 * Gives a dead letter up: its event is never applied by this consumer. One that blocks its key lets it go on; what waited
 * behind it follows. A letter that is closed already is answered as it is.
 * @param note who gave it up and why; it stays with the letter
 * @throws DomainError `dead_letter_not_found`, `dead_letter_not_next`
 */
export async function drop(
  database: Database,
  consumers: readonly Consumer[],
  id: string,
  note: string,
): Promise<Letter> {
  const letter = await requireLetter(database, id);
  if (letter.status !== 'open') return letter;
  if (letter.blocksKey) await consumerOf(letter, consumers).drop(letter, note);
  else await dropLetter(database, id, note);
  return requireLetter(database, id);
}

function consumerOf(letter: Letter, consumers: readonly Consumer[]): Consumer {
  const consumer = consumers.find(({ name }) => name === letter.consumer);
  if (consumer !== undefined) return consumer;
  throw new DomainError('consumer_unknown', 'conflict', `No consumer ${letter.consumer} runs here.`, {
    remedy: 'Start the release that has it.',
  });
}

/** A body without a place is judged again: a later release may read it. */
async function replayUnreadable(database: Database, consumer: Consumer, letter: Letter): Promise<void> {
  const isReadable = consumer.canRead({ topic: letter.topic, body: JSON.parse(letter.body) });
  if (!isReadable) throw stillUnknown(letter.reason);
  const [answer] = await consumer.deliver([{ topic: letter.topic, body: JSON.parse(letter.body) }]);
  if (answer !== 'success')
    throw new DomainError('database_unavailable', 'unavailable', 'The database does not answer.', {
      remedy: 'Try again in a moment.',
    });
  await execute(database, sql`update dead_letters set status = 'replayed', closed_at = now() where id = ${letter.id}`);
}
