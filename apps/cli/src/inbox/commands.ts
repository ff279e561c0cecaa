import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import {
  clearInbox,
  listNotifications,
  markAllRead,
  readNotification,
  type NotificationView,
} from '@dsops/contracts/notification/api';
import { EXIT, usageError } from '../failure.js';
import { confirm } from '../input/prompt.js';
import { print } from '../output/format.js';
import { table } from '../output/table.js';
import type { Paint } from '../output/terminal.js';
import { ago } from '../output/time.js';
import type { Act } from '../session.js';
import { examples, formatOption, limitOption, yesOption } from '../options.js';
import { linesOf } from './words.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const inbox = program.command('inbox').description('what dsops tells you');
  registerList(inbox, act);
  registerRead(inbox, act);
  registerReadAll(inbox, act);
  registerClear(inbox, act);
}

function registerList(inbox: CommandUnknownOpts, act: Act): void {
  const command = inbox
    .command('list', { isDefault: true })
    .description('notifications, newest first')
    .option('-u, --unread', 'only unread ones', false)
    .addOption(limitOption(20))
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops inbox', ''], ['dsops inbox list --unread', '']));
  command.action((options) =>
    act(command, async ({ client: connect, out, err, io }) => {
      const client = await connect();
      const filter = options.unread ? { unread: 'true' } : {};
      const items = await client.list(listNotifications, { query: filter }, { most: options.limit });
      print(out, options.format, items, () =>
        items.length === 0
          ? `Your inbox ${options.unread ? 'has nothing unread' : 'is empty'}.`
          : inboxTable(out.paint, items, io.now()),
      );
      if (options.format === 'table' && items.some(({ readAt }) => readAt === null))
        err.line(`${err.paint.dim('→')} Mark one as read: dsops inbox read ID; all: dsops inbox read-all`);
    }),
  );
}

const inboxTable = (paint: Paint, items: readonly NotificationView[], now: Date): string =>
  table(
    paint,
    ['', 'WHEN', 'WHAT', 'ID'],
    items.map((told) => ({
      cells: [
        told.readAt === null ? paint.cyan('●') : ' ',
        ago(told.createdAt, now),
        told.priority === 'high' ? paint.red(told.title) : told.title,
        paint.dim(told.id),
      ],
      below: linesOf(told).map((line) => `   ${paint.dim(line)}`),
    })),
  );

function registerRead(inbox: CommandUnknownOpts, act: Act): void {
  const command = inbox
    .command('read')
    .description('mark one as read')
    .argument('<id>', 'the notification')
    .addHelpText('after', examples(['dsops inbox read 01JD0000000000000000000009', '']));
  command.action((id) =>
    act(command, async ({ client: connect, out }) => {
      const client = await connect();
      const { title } = await client.call(readNotification, { params: { notificationId: id } });
      out.line(`${out.paint.green('✓')} ${title}`);
    }),
  );
}

function registerReadAll(inbox: CommandUnknownOpts, act: Act): void {
  const command = inbox
    .command('read-all')
    .description('mark all as read')
    .addHelpText('after', examples(['dsops inbox read-all', '']));
  command.action(() =>
    act(command, async ({ client: connect, out }) => {
      const { read } = await (await connect()).call(markAllRead, {});
      out.line(read === 0 ? 'Nothing was unread.' : `${out.paint.green('✓')} ${read} marked as read`);
    }),
  );
}

function registerClear(inbox: CommandUnknownOpts, act: Act): void {
  const command = inbox
    .command('clear')
    .description('empty the inbox')
    .addOption(yesOption())
    .addHelpText('after', examples(['dsops inbox clear --yes', 'without a question']));
  command.action((options) =>
    act(command, async (session) => {
      if (!options.yes && !session.isInteractive)
        throw usageError('Emptying the inbox needs a yes, and there is no terminal to ask at.', 'Add --yes.');
      if (!options.yes && !(await confirm(session, 'Empty your inbox? (y/N): '))) return EXIT.ok;
      const { cleared } = await (await session.client()).call(clearInbox, {});
      session.out.line(`${session.out.paint.green('✓')} ${cleared} cleared`);
    }),
  );
}
