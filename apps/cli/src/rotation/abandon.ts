import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { abandonRotation, type RotationView } from '@dsops/contracts/rotation/api';
import { DomainError, isId } from '@dsops/kernel';
import { EXIT, usageError } from '../failure.js';
import { findService } from '../input/place.js';
import { ask } from '../input/prompt.js';
import { envOption, examples, formatOption, reasonOption, serviceOption, yesOption } from '../options.js';
import { print } from '../output/format.js';
import type { Act, Session } from '../session.js';
import { findRunning } from './conflict.js';
import { findRotation } from './show.js';

export function registerAbandon(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('abandon')
    .description('give up a rotation that cannot go on, as when its target is gone for ever')
    .argument('[rotation]', 'its id, or the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .addOption(reasonOption())
    .addOption(yesOption())
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(['dsops rotation abandon payments-db --reason "the server was dismantled"', 'asks before it does so']),
    );
  command.action((which, options) =>
    act(command, async (session) => {
      if (options.reason === undefined)
        throw usageError('Abandoning needs a reason, for the audit log.', 'Give it with --reason "…".');
      if (!options.yes && !session.isInteractive)
        throw usageError('Abandoning needs a yes, and there is no terminal to ask at.', 'Add --yes.');
      const client = await session.client();
      const stuck =
        which !== undefined && isId(which.toUpperCase())
          ? await findRotation(session, client, which, {})
          : await openOne(which, options);
      if (!options.yes && !(await confirms(session, stuck))) return EXIT.ok;
      const body = { reason: options.reason };
      const abandoned = await client.call(abandonRotation, { params: { rotationId: stuck.id }, body });
      const { out, err } = session;
      const { service, environment } = abandoned;
      print(
        out,
        options.format,
        abandoned,
        () =>
          `${out.paint.green('✓')} Rotation ${abandoned.id} of ${service} in ${environment} was abandoned; every value stays sealed`,
      );
      err.line(
        `${err.paint.dim('→')} The next rotation begins by finding out what the target accepts. Is the target gone for ever: dsops service remove ${service} --env ${environment}`,
      );
      return EXIT.ok;

      async function openOne(name: string | undefined, place: typeof options): Promise<RotationView> {
        const found = await findService(session, client, name, place);
        const running = await findRunning(client, { environment: found.environment, service: found.name });
        if (running) return running;
        throw new DomainError('nothing_to_abandon', 'conflict', `No rotation of ${found.name} is open.`, {
          remedy: `See where it stands: dsops rotation status ${found.name}.`,
        });
      }
    }),
  );
}

async function confirms(session: Session, { id, service, environment, state }: RotationView): Promise<boolean> {
  const { err } = session;
  err.line(`Rotation ${id} of ${service} in ${environment} is ${state.replaceAll('_', ' ')}.`);
  err.line(
    'Abandoned, it is not looked at any more: what its target accepts stays unproven, and nothing there is undone.',
  );
  const typed = await ask(session, 'Type the name of the service to abandon it: ');
  if (typed.trim() === service) return true;
  err.line('Nothing was abandoned.');
  return false;
}
