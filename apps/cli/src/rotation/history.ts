import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { listRotations, type RotationView } from '@dsops/contracts/rotation/api';
import { ROTATION_STATES, type RotationState } from '@dsops/contracts/rotation/states';
import type { ApiClient } from '@dsops/api-client';
import { usageError } from '../failure.js';
import { sinceOf, untilOf } from '../input/instant.js';
import { filterOf, readService } from '../input/place.js';
import { print } from '../output/format.js';
import { historyJson, historyTable } from './words/history.js';
import type { Act } from '../session.js';
import { envOption, examples, formatOption, limitOption, serviceOption } from '../options.js';

const DEFAULT_LIMIT = 50;

export function registerHistory(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('history')
    .description('rotations and rollbacks, newest first; times are UTC')
    .argument('[service]', 'only this service')
    .addOption(serviceOption())
    .addOption(envOption())
    .addOption(limitOption(DEFAULT_LIMIT))
    .option('--since <when>', 'from 2026-11-21, 2026-Q4, or so long ago: 24h, 7d')
    .option('--until <when>', 'up to and with 2026-11-21, 2026-Q4, 24h, 7d')
    .option('--status <status>', 'success, failed, rolled_back, or a state', readStates)
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops rotation history payments-db', 'of one service'],
        ['dsops rotation history --since 7d --status failed', 'what went wrong this week'],
        ['dsops rotation history --since 2026-Q4 --format json', 'for a report'],
      ),
    );
  command.action((service, options) =>
    act(command, async (session) => {
      const now = session.io.now();
      const range = {
        since: options.since === undefined ? undefined : sinceOf(options.since, now),
        until: options.until === undefined ? undefined : untilOf(options.until, now),
      };
      const filter = { ...filterOf(session, readService(service, options)), ...range };
      const client = await session.client();
      const rotations = await read(client, filter, options.status ?? [undefined], options.limit);
      const { out, err } = session;
      if (rotations.length === 0 && options.format === 'table') {
        out.line('No rotation history found matching criteria');
        err.line(`${err.paint.dim('→')} Rotate something: dsops rotation rotate SERVICE`);
        return;
      }
      print(out, options.format, historyJson(rotations), () => historyTable(out.paint, rotations));
    }),
  );
}

type Filter = {
  service: string | undefined;
  environment: string | undefined;
  since: string | undefined;
  until: string | undefined;
};

/** One list per state, because the API filters by one; together they are in order again. */
async function read(
  client: ApiClient,
  filter: Filter,
  states: readonly (RotationState | undefined)[],
  limit: number,
): Promise<RotationView[]> {
  const lists: RotationView[][] = [];
  for (const state of states)
    lists.push(await client.list(listRotations, { query: { ...filter, state } }, { most: limit }));
  const newestFirst = lists
    .flat()
    .sort((a, b) => (a.startedAt < b.startedAt || (a.startedAt === b.startedAt && a.id < b.id) ? 1 : -1));
  return newestFirst.slice(0, limit);
}

function readStates(text: string): RotationState[] {
  const status = text.toLowerCase().replaceAll('-', '_');
  if (status === 'success') return ['completed'];
  if (status === 'failed') return ['failed', 'rollback_failed'];
  const state = ROTATION_STATES.find((name) => name === status);
  if (state) return [state];
  throw usageError(
    'The value of --status is not valid.',
    `It takes success, failed, rolled_back, or a state: ${ROTATION_STATES.join(', ')}.`,
  );
}
