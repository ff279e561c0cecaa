import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { resumeRotation, type RotationView } from '@dsops/contracts/rotation/api';
import { DomainError, isId } from '@dsops/kernel';
import { usageError } from '../failure.js';
import { showProgress } from './follow/progress.js';
import { findService } from '../input/place.js';
import { ask } from '../input/prompt.js';
import { print } from '../output/format.js';
import type { Act, Session } from '../session.js';
import { findRunning } from './conflict.js';
import { reportEnd } from './report-end.js';
import { envOption, examples, formatOption, reasonOption, serviceOption } from '../options.js';
import { findRotation } from './show.js';

export function registerResume(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('resume')
    .description('let a rotation that needs an operator go on')
    .argument('[rotation]', 'its id, or the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .addOption(reasonOption())
    .option('--no-wait', 'do not follow it')
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops rotation resume payments-db --reason "the server is back"', '']));
  command.action((which, options) =>
    act(command, async (session) => {
      const client = await session.client();
      const reason = options.reason ?? (await askReason(session));
      const stopped =
        which !== undefined && isId(which.toUpperCase())
          ? await findRotation(session, client, which, {})
          : await stoppedOne(which, options);
      const resumed = await client.call(resumeRotation, { params: { rotationId: stopped.id }, body: { reason } });
      if (options.wait) session.err.line(`Resuming rotation ${resumed.id} of ${resumed.service}`);
      const { format } = options;
      if (options.wait) return reportEnd(session, format, await showProgress(session, client, resumed));
      print(session.out, format, resumed, () => `Resumed: rotation ${resumed.id} of ${resumed.service}`);
      return;

      async function stoppedOne(name: string | undefined, place: typeof options): Promise<RotationView> {
        const service = await findService(session, client, name, place);
        const running = await findRunning(client, { environment: service.environment, service: service.name });
        if (running?.state === 'needs_operator') return running;
        throw new DomainError('nothing_to_resume', 'conflict', `No rotation of ${service.name} needs an operator.`, {
          remedy: `See where it stands: dsops rotation status ${service.name}.`,
        });
      }
    }),
  );
}

async function askReason(session: Session): Promise<string> {
  if (session.isInteractive) return ask(session, 'Reason, for the audit log: ');
  throw usageError('Resuming needs a reason, for the audit log.', 'Give it with --reason "…".');
}
