import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { deadLetterStatusSchema, getDeadLetter, listDeadLetters } from '@dsops/contracts/gateway/api';
import { readLetter } from './letter.js';
import { print } from '../output/format.js';
import { fields, table } from '../output/table.js';
import { timestamp } from '../output/time.js';
import type { Act } from '../session.js';
import { filteredCommand, registerDrop, registerReplay } from './settle.js';
import { examples, formatOption, limitOption } from '../options.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const letters = program.command('deadletters').alias('dead-letters').description('events that a consumer gave up on');
  registerList(letters, act);
  registerShow(letters, act);
  registerReplay(letters, act);
  registerDrop(letters, act);
}

function registerList(parent: CommandUnknownOpts, act: Act): void {
  const command = filteredCommand(parent, 'list')
    .description('dead letters of all services')
    .addOption(
      new Option('--status <status>', 'which ones').choices(deadLetterStatusSchema.options).default('open' as const),
    )
    .addOption(limitOption(50))
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops deadletters list --owner notification', '']));
  command.action((options) =>
    act(command, async ({ client: connect, out, err }) => {
      const client = await connect();
      const { limit, format: _, ...filter } = options;
      const items = await client.list(listDeadLetters, { query: filter }, { most: limit });
      print(out, options.format, items, () =>
        items.length === 0
          ? `${out.paint.green('✓')} No ${filter.status} dead letters.`
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
                  letter.note ?? letter.reason,
                ],
              })),
            ),
      );
      if (items.length > 0 && options.format === 'table')
        err.line(
          `${err.paint.dim('→')} See one: dsops deadletters show LETTER; try it again: … replay LETTER; give it up: … drop LETTER`,
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
        const known = Object.entries(facts).filter(([, value]) => value !== null);
        const pairs = known.map(([name, value]) => [name, String(value)] as const);
        return `${fields(out.paint, pairs)}\n\n${JSON.stringify(event, null, 2)}`;
      });
    }),
  );
}
