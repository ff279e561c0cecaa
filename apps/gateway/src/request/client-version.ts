import { DomainError } from '@dsops/kernel';

const CLIENT = /^cli\/(\d{1,6})\.(\d{1,6})\.(\d{1,6})/;
const NUMBERS = /^(\d+)\.(\d+)\.(\d+)/;

const compare = (one: readonly number[], other: readonly number[]): number =>
  one.map((part, place) => part - (other[place] ?? 0)).find((difference) => difference !== 0) ?? 0;

/**
 * Refuses a command line that is older than this release serves. Other clients, and those that do not say what they
 * are, are judged by their requests alone.
 * @param stated the header `dsops-client`, such as `cli/0.1.0`
 * @throws DomainError `client_outdated`
 */
export function assertRecentClient(stated: string | undefined, oldest: string): void {
  const client = CLIENT.exec(stated ?? '');
  if (client === null) return;
  const version = client.slice(1).map(Number);
  if (compare(version, (NUMBERS.exec(oldest) ?? []).slice(1).map(Number)) >= 0) return;
  throw new DomainError(
    'client_outdated',
    'conflict',
    `This dsops command (${version.join('.')}) is too old for this server, which serves ${oldest} and later.`,
    { about: 'client', remedy: 'Update it: use the dsops command of the release that the server runs.' },
  );
}
