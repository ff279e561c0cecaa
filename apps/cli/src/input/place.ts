import type { ApiClient } from '@dsops/api-client';
import { getService, listEnvironments, listServices, type ServiceView } from '@dsops/contracts/rotation/api';
import { isDomainError, type DomainError } from '@dsops/kernel';
import { unknownError, usageError } from '../failure.js';
import type { Session } from '../session.js';

export interface PlaceOptions {
  readonly service?: string | undefined;
  readonly env?: string | undefined;
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
  const environment = givenEnvironment(session, named.env) ?? (await onlyEnvironment(client, noServices));
  const found = await lookUp(client, environment, named.service);
  if (found) return found;
  throw wordMiss(environment, named.service, await client.list(listServices));
}

/** As {@link findService}, for something that is about to be made and needs no server to know it. */
export async function chooseEnvironment(session: Session, client: ApiClient, env: string | undefined): Promise<string> {
  const whenNone = () => noEnvironment('Name the one that the service belongs to: --env production.');
  return givenEnvironment(session, env) ?? onlyEnvironment(client, whenNone);
}

const givenEnvironment = ({ io }: Session, env: string | undefined): string | undefined =>
  env ?? (io.env.DSOPS_ENV || undefined);

async function onlyEnvironment(client: ApiClient, whenNone: () => DomainError): Promise<string> {
  const environments = (await client.list(listEnvironments)).map(({ name }) => name);
  const [only, ...others] = environments;
  if (only === undefined) throw whenNone();
  if (others.length === 0) return only;
  throw noEnvironment(`Add --env with one of: ${list(environments)}; or set DSOPS_ENV.`);
}

/** Asks for this one alone. What cannot be a name is not there, and is not sent either. */
async function lookUp(client: ApiClient, environment: string, service: string | undefined) {
  const params = getService.params.safeParse({ environment, service });
  if (!params.success) return undefined;
  try {
    return await client.call(getService, { params: params.data });
  } catch (error) {
    if (isDomainError(error) && error.code === 'service_unknown') return undefined;
    throw error;
  }
}

/** Why nothing was found, and what there is instead. */
function wordMiss(environment: string, name: string | undefined, services: readonly ServiceView[]): DomainError {
  if (services.length === 0) return noServices();
  const here = services.filter((service) => service.environment === environment);
  if (here.length === 0)
    return unknownError(
      `There is no environment ${shown(environment)}.`,
      `There are: ${list(services.map((service) => service.environment))}.`,
    );
  const names = list(here.map((service) => service.name));
  if (name === undefined) return usageError('No service is named.', `Name one of: ${names}.`);
  const elsewhere = services.find((service) => service.name === name);
  return unknownError(
    `There is no service ${shown(name)} in ${environment}.`,
    elsewhere
      ? `There is one in ${elsewhere.environment}: add --env ${elsewhere.environment}.`
      : `There are: ${names}.`,
  );
}

const noServices = (): DomainError =>
  unknownError('There are no services yet.', 'Add one: dsops service add NAME --help shows how.');

const noEnvironment = (remedy: string): DomainError => usageError('No environment is named.', remedy);

/** Only what looks like a name is repeated: anything else may be something that should not be seen. */
export const shown = (name: string): string => (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name) ? name : 'of this name');

const list = (names: readonly string[]): string => [...new Set(names)].sort().join(', ');
