import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { getDeadLetter, listDeadLetters, replayDeadLetter, SERVICES, type ServiceName } from '@dsops/contracts';
import { collect } from '../client/pages.js';
import { EXIT, usageError } from '../failure.js';
import { print } from '../output/format.js';
import { fields, table } from '../output/table.js';
import { timestamp } from '../output/time.js';
import type { Act } from '../session.js';
import { examples, formatOption, limitOption } from './options.js';

export function registerDeadLetters(program: CommandUnknownOpts, act: Act): void {
  const letters = program.command('deadletters').alias('dead-letters').description('events that a consumer gave up on');
  registerList(letters, act);
  registerShow(letters, act);
  registerReplay(letters, act);
}

function registerList(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('list')
    .description('dead letters of all services')
    .addOption(new Option('--owner <service>', 'only of this service').choices(SERVICES))
    .addOption(new Option('--status <status>', 'open or replayed').choices(['open', 'replayed'] as const))
    .addOption(limitOption(50))
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops deadletters list --owner notification', '']));
  command.action((options) =>
    act(command, async ({ client: connect, out, err }) => {
      const client = await connect();
      const { owner, status } = options;
      const items = await collect(options.limit, (page) =>
        client.call(listDeadLetters, { query: { owner, status, ...page } }),
      );
      print(out, options.format, items, () =>
        items.length === 0
          ? `${out.paint.green('✓')} No ${status ?? 'open'} dead letters.`
          : table(
              out.paint,
              ['LETTER', 'WHEN', 'CONSUMER', 'EVENT', 'BLOCKS', 'REASON'],
              items.map((letter) => ({
                cells: [
                  `${letter.owner}/${letter.id}`,
                  timestamp(letter.at),
                  letter.consumer,
                  letter.type,
                  letter.blocksKey ? out.paint.red('yes') : 'no',
                  letter.reason,
                ],
              })),
            ),
      );
      if (items.length > 0 && options.format === 'table')
        err.line(
          `${err.paint.dim('→')} See one: dsops deadletters show LETTER; try it again: dsops deadletters replay LETTER`,
        );
    }),
  );
}

function registerShow(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('show')
    .description('one dead letter with its event')
    .argument('<letter>', 'as the list shows it: owner/id')
    .argument('[id]', 'the id, when the owner stands alone')
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops deadletters show notification/01JD000000000000000000000B', '']));
  command.action((which, id, options) =>
    act(command, async ({ client: connect, out }) => {
      const letter = await (await connect()).call(getDeadLetter, { params: readLetter(which, id) });
      print(out, options.format, letter, () => {
        const { event, ...facts } = letter;
        const pairs = Object.entries(facts).map(([name, value]) => [name, String(value)] as const);
        return `${fields(out.paint, pairs)}\n\n${JSON.stringify(event, null, 2)}`;
      });
    }),
  );
}

function registerReplay(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('replay')
    .description('try one again now; what waited behind it follows')
    .argument('<letter>', 'as the list shows it: owner/id')
    .argument('[id]', 'the id, when the owner stands alone')
    .addHelpText('after', examples(['dsops deadletters replay notification/01JD000000000000000000000B', '']));
  command.action((which, id) =>
    act(command, async ({ client: connect, out }) => {
      const letter = await (await connect()).call(replayDeadLetter, { params: readLetter(which, id) });
      const isDone = letter.status === 'replayed';
      out.line(
        isDone
          ? `${out.paint.green('✓')} Replayed: ${letter.type} of ${letter.key}`
          : `${out.paint.red('✗')} Still open: ${letter.reason}`,
      );
      return isDone ? EXIT.ok : EXIT.general;
    }),
  );
}

function readLetter(which: string, id: string | undefined): { owner: ServiceName; letterId: string } {
  const [owner, letterId = id] = which.split('/', 2);
  const known = SERVICES.find((service) => service === owner);
  if (known === undefined || letterId === undefined)
    throw usageError('This names no dead letter.', 'Write it as the list shows it, such as notification/01JD….');
  return { owner: known, letterId };
}
