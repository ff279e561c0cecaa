import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { SERVICES } from '@dsops/contracts/service-names';
import type { QueryOf } from '@dsops/contracts/define-operation';
import { dropDeadLetter, listDeadLetters, replayDeadLetter, type DeadLetterView } from '@dsops/contracts/gateway/api';
import { isDomainError } from '@dsops/kernel';
import type { ApiClient } from '@dsops/api-client';
import { EXIT, usageError } from '../failure.js';
import { readLetter, type LetterPlace } from './letter.js';
import { confirm } from '../input/prompt.js';
import type { Act, Session } from '../session.js';
import { examples, yesOption } from '../options.js';

const MOST = 10_000;

const ownerOption = () => new Option('--owner <service>', 'only of this service').choices(SERVICES);
const consumerOption = () => new Option('--consumer <name>', 'only of this consumer');
const typeOption = () => new Option('--type <type>', 'only of this type of event');
const topicOption = () => new Option('--topic <topic>', 'only of this topic');
const keyOption = () => new Option('--key <key>', 'only of this key, such as a service id');

/** A command about dead letters that fit. */
export const filteredCommand = (parent: CommandUnknownOpts, name: string) =>
  parent
    .command(name)
    .addOption(ownerOption())
    .addOption(consumerOption())
    .addOption(typeOption())
    .addOption(topicOption())
    .addOption(keyOption());

/** One that settles the letter that is named, or all that fit. */
const settlingCommand = (parent: CommandUnknownOpts, name: string) =>
  filteredCommand(parent, name)
    .argument('[letter]', 'as the list shows it: owner/id')
    .argument('[id]', 'the id, when the owner stands alone')
    .addOption(new Option('--all', 'every open one').default(false));

type Filter = Pick<QueryOf<typeof listDeadLetters>, 'owner' | 'consumer' | 'type' | 'topic' | 'key'>;

export function registerReplay(parent: CommandUnknownOpts, act: Act): void {
  const command = settlingCommand(parent, 'replay')
    .description('try them again now; what waited behind one follows')
    .addHelpText(
      'after',
      examples(
        ['dsops deadletters replay notification/01JD000000000000000000000B', 'this one'],
        ['dsops deadletters replay --owner notification --topic rotation-events', 'all of these, the oldest first'],
      ),
    );
  command.action((which, id, { all, ...filter }) =>
    act(command, async (session) => {
      const client = await session.client();
      const places = await placesOf(client, { which, id, all, filter });
      return settleEach(session, places, 'Replayed', async (params) => client.call(replayDeadLetter, { params }));
    }),
  );
}

export function registerDrop(parent: CommandUnknownOpts, act: Act): void {
  const command = settlingCommand(parent, 'drop')
    .description('give them up: their events are never applied; what waited behind one follows')
    .addOption(new Option('--reason <text>', 'why; it stays with the letter, beside your name').makeOptionMandatory())
    .addOption(yesOption())
    .addHelpText(
      'after',
      examples(['dsops deadletters drop audit/01JD000000000000000000000B --reason "broken by hand"', '']),
    );
  command.action((which, id, { all, reason, yes, ...filter }) =>
    act(command, async (session) => {
      const client = await session.client();
      const places = await placesOf(client, { which, id, all, filter });
      if (places.length > 0 && !(await isSure(session, yes, places.length))) return EXIT.ok;
      return settleEach(session, places, 'Dropped', async (params) =>
        client.call(dropDeadLetter, { params, body: { reason } }),
      );
    }),
  );
}

async function isSure(session: Session, yes: boolean, count: number): Promise<boolean> {
  if (yes) return true;
  if (!session.isInteractive)
    throw usageError('Dropping a dead letter needs a yes, and there is no terminal to ask at.', 'Add --yes.');
  const what = count === 1 ? 'this dead letter' : `${count} dead letters`;
  return confirm(session, `Give up ${what}? The events are never applied. (y/N): `);
}

/** The letter that is named, or all open ones that fit, oldest first: one that blocks goes before what it blocks. */
async function placesOf(
  client: ApiClient,
  { which, id, all, filter }: { which: string | undefined; id: string | undefined; all: boolean; filter: Filter },
): Promise<LetterPlace[]> {
  const hasFilter = all || Object.values(filter).some((value) => value !== undefined);
  if (which !== undefined && hasFilter)
    throw usageError('A letter is named, and a filter as well.', 'Give one of the two.');
  if (which !== undefined) return [readLetter(which, id)];
  if (!hasFilter)
    throw usageError('Which dead letters?', 'Name one as the list shows it, or say which: --owner, --type … or --all.');
  const items = await client.list(listDeadLetters, { query: { ...filter, status: 'open' } }, { most: MOST });
  return items.toReversed().map((letter) => ({ owner: letter.owner, letterId: letter.id }));
}

/** One after the other, to the end: a line each, and what is still open decides the exit code. */
async function settleEach(
  { out, err }: Session,
  places: readonly LetterPlace[],
  done: string,
  settle: (place: LetterPlace) => Promise<DeadLetterView>,
): Promise<number> {
  if (places.length === 0) out.line(`${out.paint.green('✓')} No dead letters fit.`);
  let open = 0;
  for (const place of places) {
    const reason = await reasonLeftOpen(place, settle, places.length > 1);
    if (reason !== null) open += 1;
    const mark = reason === null ? `${out.paint.green('✓')} ${done}` : `${out.paint.red('✗')} Still open`;
    out.line(`${mark}: ${place.owner}/${place.letterId}${reason === null ? '' : `, ${reason}`}`);
  }
  if (open > 0) err.line(`${err.paint.dim('→')} ${open} of ${places.length} are still open: dsops deadletters list`);
  return open === 0 ? EXIT.ok : EXIT.general;
}

/** Why the letter is still open; null when it is not. What concerns this letter alone does not end the others. */
async function reasonLeftOpen(
  place: LetterPlace,
  settle: (place: LetterPlace) => Promise<DeadLetterView>,
  hasOthers: boolean,
): Promise<string | null> {
  try {
    const { status, reason } = await settle(place);
    return status === 'open' ? reason : null;
  } catch (error) {
    if (!hasOthers || !isDomainError(error) || error.kind === 'unavailable') throw error;
    return error.message;
  }
}
