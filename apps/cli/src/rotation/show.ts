import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { getRotation, listRotations, type RotationView } from '@dsops/contracts/rotation/api';
import { isId } from '@dsops/kernel';
import type { ApiClient } from '@dsops/api-client';
import { unknownError } from '../failure.js';
import { hasEnded } from './follow/follow-rotation.js';
import { showProgress } from './follow/progress.js';
import { filterOf, readService } from '../input/place.js';
import { print } from '../output/format.js';
import { rotationBlock } from './words/rotation.js';
import type { Act, Session } from '../session.js';
import { reportEnd } from './report-end.js';
import { envOption, examples, formatOption, serviceOption } from '../options.js';

export function registerShow(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('show')
    .description('one rotation with its journal')
    .argument('[rotation]', 'its id, or a service for its latest one')
    .addOption(serviceOption())
    .addOption(envOption())
    .option('-w, --watch', 'follow it to its end', false)
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops rotation show 01JD0000000000000000000003', 'by id'],
        ['dsops rotation show payments-db --watch', 'the latest of a service, live'],
      ),
    );
  command.action((which, options) =>
    act(command, async (session) => {
      const client = await session.client();
      const rotation = await findRotation(session, client, which, options);
      const { out } = session;
      if (!options.watch) {
        print(out, options.format, rotation, () => rotationBlock(out.paint, rotation));
        return;
      }
      const ended = await showProgress(session, client, rotation, hasEnded);
      return reportEnd(session, options.format, ended);
    }),
  );
}

/** The rotation with this id, else the latest of the service of this name. */
export async function findRotation(
  session: Session,
  client: ApiClient,
  which: string | undefined,
  options: { service?: string | undefined; env?: string | undefined },
): Promise<RotationView> {
  if (which !== undefined && isId(which.toUpperCase()))
    return client.call(getRotation, { params: { rotationId: which.toUpperCase() } });
  const filter = filterOf(session, readService(which, options));
  const { items } = await client.call(listRotations, { query: { ...filter, limit: 1 } });
  const [latest] = items;
  // The list has no journal: the rotation itself is read again.
  if (latest) return client.call(getRotation, { params: { rotationId: latest.id } });
  throw unknownError('There is no such rotation.', 'See which there are: dsops rotation history.');
}
