import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { clearRotation, listRotations } from '@dsops/contracts/rotation/api';
import { DomainError } from '@dsops/kernel';
import { EXIT, usageError } from '../failure.js';
import { findService } from '../input/place.js';
import { ask, confirm } from '../input/prompt.js';
import { envOption, examples, formatOption, reasonOption, serviceOption, yesOption } from '../options.js';
import { print } from '../output/format.js';
import type { Act } from '../session.js';
import { hasEnded } from './follow/follow-rotation.js';
import { showProgress } from './follow/progress.js';
import { reportEnd } from './report-end.js';
import { heldLines } from './words/consumers.js';

/** Of a service's latest rotations, how many are looked at: one of them waits. */
const LATEST = 10;

export function registerClear(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('clear')
    .description('say that nobody uses the old value any more, so that it may end')
    .argument('[service]', 'the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .addOption(reasonOption())
    .option('--override-check-outs', 'end it though these check-outs of it are open', false)
    .addOption(yesOption())
    .option('--no-wait', 'do not follow it')
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops rotation clear payments-db', 'shows who uses it, and asks'],
        ['dsops rotation clear payments-db --yes --reason "billing is redeployed"', 'for scripts'],
      ),
    );
  command.action((which, options) =>
    act(command, async (session) => {
      if (!session.isInteractive && (!options.yes || options.reason === undefined))
        throw usageError(
          'Clearing needs a yes and a reason, and there is no terminal to ask at.',
          'Give them with --yes --reason "…".',
        );
      const client = await session.client();
      const service = await findService(session, client, which, options);
      const params = { environment: service.environment, service: service.name };
      const { items } = await client.call(listRotations, { query: { ...params, limit: LATEST } });
      const held = items.find((rotation) => rotation.held !== null && rotation.queuedBehind === null)?.held;
      if (!held)
        throw new DomainError('nothing_to_clear', 'conflict', `No value of ${service.name} is held.`, {
          remedy: `See where it stands: dsops rotation status ${service.name}.`,
        });
      const { err, out } = session;
      for (const line of heldLines(err.paint, held)) err.line(line);
      if (!options.yes && !(await confirm(session, `\nMay ${held.version} of ${held.login} end? (y/N): `))) {
        err.line('Nothing was said: it stays valid.');
        return EXIT.ok;
      }
      const reason = options.reason ?? (await ask(session, 'Reason, for the audit log: '));
      const rotation = await client.call(clearRotation, {
        params,
        body: { reason, seen: held.seen, overrideCheckOuts: options.overrideCheckOuts },
      });
      if (!options.wait) {
        print(out, options.format, rotation, () => `Cleared: rotation ${rotation.id} of ${rotation.service}`);
        return EXIT.ok;
      }
      err.line(`Cleared ${err.paint.bold(held.version)} of ${service.name}`);
      return reportEnd(session, options.format, await showProgress(session, client, rotation, hasEnded));
    }),
  );
}
