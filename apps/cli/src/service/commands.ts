import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { listServices, removeService } from '@dsops/contracts/rotation/api';
import { EXIT, usageError } from '../failure.js';
import { filterOf, findService } from '../input/place.js';
import { ask } from '../input/prompt.js';
import { print } from '../output/format.js';
import { serviceBlock, serviceTable } from './words.js';
import type { Act } from '../session.js';
import { envOption, examples, formatOption, serviceOption, yesOption } from '../options.js';
import { registerAdmin } from './admin.js';
import { registerAdd, registerImport } from './add.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const service = program.command('service').description('the services that dsops looks after');
  registerAdd(service, act);
  registerImport(service, act);
  registerList(service, act);
  registerShow(service, act);
  registerAdmin(service, act);
  registerRemove(service, act);
}

function registerList(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('list')
    .alias('ls')
    .description('all services')
    .addOption(envOption())
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops service list --env production', '']));
  command.action((options) =>
    act(command, async (session) => {
      const client = await session.client();
      const { environment } = filterOf(session, options);
      const items = await client.list(listServices, { query: { environment } });
      if (items.length === 0 && options.format === 'table') {
        session.out.line('No services yet.');
        session.err.line(`${session.err.paint.dim('→')} Add one: dsops service add --help shows how.`);
        return;
      }
      print(session.out, options.format, items, () => serviceTable(session.out.paint, items));
    }),
  );
}

function registerShow(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('show')
    .description('one service with its versions')
    .argument('[service]', 'the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops service show payments-db', '']));
  command.action((name, options) =>
    act(command, async (session) => {
      const client = await session.client();
      const service = await findService(session, client, name, options);
      print(session.out, options.format, service, () => serviceBlock(session.out.paint, service));
    }),
  );
}

function registerRemove(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('remove')
    .alias('rm')
    .description('stop looking after a service; its logins on the target stay as they are')
    .argument('[service]', 'the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .addOption(yesOption())
    .addHelpText('after', examples(['dsops service remove payments-db --env staging', 'asks for its name']));
  command.action((name, options) =>
    act(command, async (session) => {
      if (!options.yes && !session.isInteractive)
        throw usageError('Removing a service needs a yes, and there is no terminal to ask at.', 'Add --yes.');
      const client = await session.client();
      const found = await findService(session, client, name, options);
      if (!options.yes) {
        session.err.line(`dsops will no longer look after ${found.name} in ${found.environment}.`);
        session.err.line('Nothing on the target changes; sealed values are kept for 30 days.');
        const typed = await ask(session, `Type the name of the service to remove it: `);
        if (typed.trim() !== found.name) {
          session.err.line('Nothing was removed.');
          return EXIT.ok;
        }
      }
      await client.call(removeService, { params: { environment: found.environment, service: found.name } });
      session.out.line(`${session.out.paint.green('✓')} ${found.name} in ${found.environment} was removed`);
    }),
  );
}
