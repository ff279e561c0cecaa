import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { getStatus, type ServiceStatus } from '@dsops/contracts/rotation/api';
import type { ApiClient } from '@dsops/api-client';
import { unknownError } from '../failure.js';
import { watchChanges } from './follow/watch-changes.js';
import { filterOf, readService, shown } from '../input/place.js';
import { print, type Format } from '../output/format.js';
import { inOrder, statusJson, statusTable } from './words/status.js';
import type { Act, Session } from '../session.js';
import { envOption, examples, formatOption, serviceOption } from '../options.js';

export function registerStatus(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('status')
    .description('where each service stands, and which value its target accepts')
    .argument('[service]', 'only this service')
    .addOption(serviceOption())
    .addOption(envOption())
    .option('-v, --verbose', 'with errors, counts and what the target accepts', false)
    .option('-w, --watch', 'show it again whenever it changes, until Ctrl-C', false)
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops rotation status', 'all services'],
        ['dsops rotation status payments-db -v', 'one of them, with details'],
        ['dsops rotation status --watch', 'stay and look'],
      ),
    );
  command.action((service, options) =>
    act(command, async (session) => {
      const client = await session.client();
      const filter = filterOf(session, readService(service, options));
      const fetch = () => statusOf(client, filter);
      if (!options.watch) return show(session, await fetch(), options, filter.service !== undefined);
      await watchChanges(session, client, fetch, (items) =>
        show(session, items, options, filter.service !== undefined),
      );
    }),
  );
}

async function statusOf(client: ApiClient, filter: ReturnType<typeof filterOf>): Promise<ServiceStatus[]> {
  const items = await client.list(getStatus, { query: filter });
  if (filter.service !== undefined && items.length === 0)
    throw unknownError(
      `There is no service ${shown(filter.service)}${filter.environment ? ` in ${shown(filter.environment)}` : ''}.`,
      'See which there are: dsops service list.',
    );
  return inOrder(items);
}

function show(
  session: Session,
  items: readonly ServiceStatus[],
  { format, verbose }: { format: Format; verbose: boolean },
  isOne: boolean,
): void {
  const { out, err, io } = session;
  if (items.length === 0 && format === 'table') {
    out.line('No services yet.');
    err.line(`${err.paint.dim('→')} Add one: dsops service add --help shows how.`);
    return;
  }
  print(out, format, statusJson(items), () =>
    statusTable(out.paint, items, { now: io.now(), isVerbose: verbose || isOne }),
  );
}
