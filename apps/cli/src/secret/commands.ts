import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { checkOut, releaseCheckOut } from '@dsops/contracts/rotation/api';
import { Secret, unwrapSecret } from '@dsops/kernel';
import { usageError } from '../failure.js';
import { findService } from '../input/place.js';
import { print } from '../output/format.js';
import { fields } from '../output/table.js';
import { timestamp } from '../output/time.js';
import type { Act } from '../session.js';
import { envOption, examples, formatOption, serviceOption } from '../options.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const secret = program.command('secret').description('the values that dsops keeps');
  registerGet(secret, act);
  registerRelease(secret, act);
}

function registerGet(secret: CommandUnknownOpts, act: Act): void {
  const command = secret
    .command('get')
    .description('check the value in use out; audited, and never shown on a terminal without --reveal')
    .argument('[service]', 'the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .option('--ttl <duration>', 'how long it will be used (default: 1h)')
    .option('--purpose <text>', 'what for, for the audit log')
    .option('--reveal', 'show it on this terminal', false)
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops secret get payments-db > password.txt', 'only the password'],
        ['dsops secret get payments-db --format json', 'user, password, host, port, database …, version'],
        ['dsops secret get payments-db --reveal', 'on the screen'],
      ),
    );
  command.action((service, options) =>
    act(command, async (session) => {
      const { out, err } = session;
      // Asked before the check-out: what nobody sees is not checked out either.
      if (out.isTerminal && !options.reveal)
        throw usageError(
          'A secret is not shown on a terminal, where it stays on the screen and in its scrollback.',
          'Pipe it to what needs it, or add --reveal.',
        );
      const client = await session.client();
      const found = await findService(session, client, service, options);
      const granted = await client.call(checkOut, {
        params: { environment: found.environment, service: found.name },
        body: {
          ...(options.ttl !== undefined && { ttl: options.ttl }),
          ...(options.purpose !== undefined && { purpose: options.purpose }),
        },
      });
      const { user, target, version } = granted;
      const password = new Secret(granted.password);
      if (options.format === 'table' && !out.isTerminal) {
        // No line break: what is written is the password and nothing else.
        out.write(unwrapSecret(password));
        return;
      }
      const value = { user, password: unwrapSecret(password), ...target, version };
      print(out, options.format, value, () =>
        fields(
          out.paint,
          Object.entries(value).map(([name, text]) => [name, String(text)]),
        ),
      );
      const until = `Checked out until ${timestamp(granted.expiresAt)} UTC`;
      err.line(
        err.paint.dim(
          granted.isHeld
            ? `${until}: so long it stays valid.`
            : `${until}: valid until the next rotation, which replaces it in place and does not wait.`,
        ),
      );
      err.line(`${err.paint.dim('→')} Done earlier? dsops secret release ${granted.id}`);
    }),
  );
}

function registerRelease(secret: CommandUnknownOpts, act: Act): void {
  const command = secret
    .command('release')
    .description('say that a value which was checked out is used no longer')
    .argument('<check-out>', 'its id, as `secret get` names it')
    .addHelpText('after', examples(['dsops secret release 01JD0000000000000000000009', '']));
  command.action((checkOutId) =>
    act(command, async ({ client: connect, out }) => {
      await (await connect()).call(releaseCheckOut, { params: { checkOutId } });
      out.line(`${out.paint.green('✓')} Released: a rotation does not wait for it any more.`);
    }),
  );
}
