import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { confirmRestore, getInstallation } from '@dsops/contracts/rotation/api';
import { EXIT, usageError } from '../failure.js';
import { ask, confirm } from '../input/prompt.js';
import { print } from '../output/format.js';
import { timestamp } from '../output/time.js';
import type { Act } from '../session.js';
import { examples, formatOption, reasonOption, yesOption } from '../options.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const restore = program.command('restore').description('after the database came back from a copy');
  registerStatus(restore, act);
  registerConfirm(restore, act);
}

function registerStatus(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('status')
    .description('does dsops hold still after a restore?')
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops restore status', '']));
  command.action((options) =>
    act(command, async ({ client: connect, out, err }) => {
      const installation = await (await connect()).call(getInstallation, {});
      const isRestored = installation.mode === 'restored';
      print(out, options.format, installation, () => {
        if (!isRestored) return `${out.paint.green('✓')} Normal: dsops rotates as it should`;
        const since = installation.since === null ? '' : ` since ${timestamp(installation.since)} UTC`;
        return `${out.paint.yellow('!')} Restored${since}: nothing is set, revoked or retired. ${installation.reason ?? ''}`.trimEnd();
      });
      if (isRestored && options.format === 'table')
        err.line(`${err.paint.dim('→')} When the former installation is off: dsops restore confirm`);
    }),
  );
}

function registerConfirm(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('confirm')
    .description('confirm that the former installation is off, so that dsops goes on')
    .addOption(reasonOption())
    .option('--former-installation-is-off', 'the confirmation, where there is no terminal to ask at', false)
    .addOption(yesOption())
    .addHelpText(
      'after',
      examples(['dsops restore confirm --former-installation-is-off --reason "the old machine is gone"', '']),
    );
  command.action((options) =>
    act(command, async (session) => {
      const isConfirmed = options.formerInstallationIsOff || options.yes;
      if (!session.isInteractive && (!isConfirmed || options.reason === undefined))
        throw usageError(
          'This needs the confirmation and a reason, and there is no terminal to ask at.',
          'Give both: --former-installation-is-off --reason "…".',
        );
      if (!isConfirmed) {
        session.err.line('Two installations that rotate the same credentials can lock both out.');
        if (!(await confirm(session, 'Is the former installation off, for good? (y/N): '))) {
          session.err.line('Nothing was changed.');
          return EXIT.ok;
        }
      }
      const reason = options.reason ?? (await ask(session, 'Reason, for the audit log: '));
      await (await session.client()).call(confirmRestore, { body: { formerInstallationIsOff: true, reason } });
      session.out.line(`${session.out.paint.green('✓')} dsops goes on as normal`);
    }),
  );
}
