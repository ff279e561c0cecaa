import { listServices, type ServiceView } from '@dsops/contracts/rotation/api';
import type { ApiClient } from '@dsops/api-client';
import { unknownError, usageError } from '../failure.js';
import type { Session } from '../session.js';

export interface PlaceOptions {
  readonly service?: string | undefined;
  readonly env?: string | undefined;
}

export interface Place {
  readonly environment: string;
  readonly service: string;
}

/** `payments-db` or `production/payments-db`, as an argument or with --service; both at once must agree. */
export function readService(argument: string | undefined, options: PlaceOptions): PlaceOptions {
  if (argument !== undefined && options.service !== undefined && argument !== options.service)
    throw usageError('Two services are named, one as an argument and one with --service.', 'Name one of them.');
  const named = argument ?? options.service;
  const [environment, service] = named?.includes('/') ? (named.split('/', 2) as [string, string]) : [undefined, named];
  if (environment !== undefined && options.env !== undefined && environment !== options.env)
    throw usageError('Two environments are named, one before the service and one with --env.', 'Name one of them.');
  return { service, env: environment ?? options.env };
}

/** The environment to narrow a list to: as given, else DSOPS_ENV, else all of them. */
export const filterOf = ({ io }: Session, { service, env }: PlaceOptions) => ({
  service,
  environment: env ?? (io.env.DSOPS_ENV || undefined),
});

/** The one service that is meant. The environment: as given, else DSOPS_ENV, else the only one there is. */
export async function findService(
  session: Session,
  client: ApiClient,
  argument: string | undefined,
  options: PlaceOptions,
): Promise<ServiceView> {
  const named = readService(argument, options);
  const { items } = await client.call(listServices, {});
  if (items.length === 0)
    throw unknownError('There are no services yet.', 'Add one: dsops service add NAME --help shows how.');
  const environment = environmentOf(session, named, items);
  const here = items.filter((item) => item.environment === environment);
  if (here.length === 0)
    throw unknownError(
      `There is no environment ${shown(environment)}.`,
      `There are: ${list(items.map((i) => i.environment))}.`,
    );
  if (named.service === undefined)
    throw usageError('No service is named.', `Name one of: ${list(here.map((item) => item.name))}.`);
  const found = here.find((item) => item.name === named.service);
  if (found) return found;
  const elsewhere = items.find((item) => item.name === named.service);
  throw unknownError(
    `There is no service ${shown(named.service)} in ${environment}.`,
    elsewhere
      ? `There is one in ${elsewhere.environment}: add --env ${elsewhere.environment}.`
      : `There are: ${list(here.map((item) => item.name))}.`,
  );
}

/** As {@link findService}, for something that is about to be made and needs no server to know it. */
export async function chooseEnvironment(session: Session, client: ApiClient, env: string | undefined): Promise<string> {
  const given = env ?? session.io.env.DSOPS_ENV;
  if (given) return given;
  const { items } = await client.call(listServices, {});
  return environmentOf(session, {}, items);
}

function environmentOf(session: Session, { env }: PlaceOptions, services: readonly ServiceView[]): string {
  const given = env ?? session.io.env.DSOPS_ENV;
  if (given) return given;
  const environments = [...new Set(services.map((service) => service.environment))];
  const [only, ...others] = environments;
  if (only !== undefined && others.length === 0) return only;
  throw usageError(
    'No environment is named.',
    only === undefined
      ? 'Name the one that the service belongs to: --env production.'
      : `Add --env with one of: ${list(environments)}; or set DSOPS_ENV.`,
  );
}

/** Only what looks like a name is repeated: anything else may be something that should not be seen. */
export const shown = (name: string): string => (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name) ? name : 'of this name');

const list = (names: readonly string[]): string => [...new Set(names)].sort().join(', ');
