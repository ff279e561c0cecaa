import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { setAdministrator } from '@dsops/contracts/rotation/api';
import { unwrapSecret } from '@dsops/kernel';
import { usageError } from '../failure.js';
import { readPassword } from '../input/password.js';
import { findService } from '../input/place.js';
import { envOption, examples, formatOption, serviceOption } from '../options.js';
import { print } from '../output/format.js';
import type { Act } from '../session.js';
import { administratorLines, othersHint } from './words.js';

/** `dsops service admin`: the login that administers a target. */
export function registerAdmin(parent: CommandUnknownOpts, act: Act): void {
  const admin = parent.command('admin').description('the login that administers the target of a service');
  const command = admin
    .command('set')
    .description('give its password anew after it was changed at the target; it is tried before it is kept')
    .argument('[service]', 'the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .option('--user <login>', 'another login (default: the one that administers it already)')
    .option('--password-file <file>', 'its password, in a file')
    .option('--password-stdin', 'its password, on standard input')
    .option('--for-all', 'also for the other services of that server with this administrator', false)
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops service admin set payments-db --password-file admin.txt', ''],
        [
          'dsops service admin set payments-db --for-all --password-stdin < admin.txt',
          'of every service of that server',
        ],
      ),
    );
  command.action((name, options) =>
    act(command, async (session) => {
      const client = await session.client();
      const service = await findService(session, client, name, options);
      const username = options.user ?? service.adminUsername;
      if (username === null)
        throw usageError(`${service.name} has no administrator: its credential changes itself.`, 'See service show.');
      const password = await readPassword(session, {
        option: 'password',
        whose: username,
        file: options.passwordFile,
        stdin: options.passwordStdin,
      });
      const change = await client.call(setAdministrator, {
        params: { environment: service.environment, service: service.name },
        body: {
          ...(options.user !== undefined && { username: options.user }),
          password: unwrapSecret(password),
          forAll: options.forAll,
        },
      });
      const { out, err } = session;
      print(out, options.format, change, () => administratorLines(out.paint, change));
      const hint = othersHint(change);
      if (hint !== null) err.line(`${err.paint.dim('→')} ${hint}`);
    }),
  );
}
