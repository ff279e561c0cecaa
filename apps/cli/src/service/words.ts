import type { ResponseOf } from '@dsops/contracts/define-operation';
import type { ServiceView, setAdministrator } from '@dsops/contracts/rotation/api';
import { declarations, type TargetKind } from '@dsops/contracts/rotation/targets/declarations';
import { findingLines } from '../output/finding.js';
import type { Consumers } from '@dsops/contracts/rotation/consumer-kinds';
import { fields, table } from '../output/table.js';
import type { Paint } from '../output/terminal.js';
import { timestamp } from '../output/time.js';

export const currentVersion = (service: ServiceView) => service.versions.find(({ label }) => label === 'CURRENT');

/** The words of its kind; of a kind that this version does not know, what was sent. */
function wordsOf({ type, target, credential }: ServiceView) {
  const kind = declarations.get(type as TargetKind);
  return kind === undefined
    ? { address: Object.values(target).join(' '), details: [] }
    : { address: kind.address(target), details: kind.details(target, credential.settings) };
}

export const serviceTable = (paint: Paint, services: readonly ServiceView[]): string =>
  table(
    paint,
    ['SERVICE', 'ENVIRONMENT', 'TYPE', 'TARGET', 'STRATEGY', 'CURRENT VERSION', 'MANAGED BY'],
    [...services]
      .sort((a, b) => (`${a.environment}/${a.name}` < `${b.environment}/${b.name}` ? -1 : 1))
      .map((service) => ({
        cells: [
          service.name,
          service.environment,
          service.type,
          wordsOf(service).address,
          service.credential.strategy,
          currentVersion(service)?.name ?? 'none yet',
          service.managedBy,
        ],
      })),
  );

const CONSUMERS_WORDS: Record<Consumers, string> = {
  managed: 'managed: all of them check its values out',
  unmanaged: 'unmanaged: somebody may use it whom dsops does not see',
};

const retireWords = ({ maxGrace, retire }: ServiceView['credential']): string =>
  `when a person says that nobody uses the old value (asked again after ${maxGrace})${retire.whenQuietFor === null ? '' : `, or nobody was seen with it for ${retire.whenQuietFor}`}`;

export function serviceBlock(paint: Paint, service: ServiceView): string {
  const { credential } = service;
  const { address, details } = wordsOf(service);
  const head = fields(paint, [
    ['Service', service.name],
    ['Environment', service.environment],
    ['Id', service.id],
    ['Type', service.type],
    ['Target', address],
    ['Administered by', service.adminUsername ?? 'itself'],
    ['Managed by', service.managedBy],
    ['Credential', `${credential.name}, ${credential.strategy}`],
    ['Slots', credential.slots.join(', ')],
    ...details.map(([label, text]): [string, string] => [label, text]),
    ['Consumers', CONSUMERS_WORDS[credential.consumers]],
    ['Grace period', credential.gracePeriod],
    ...(credential.consumers === 'managed' ? [] : [['Retire', retireWords(credential)] satisfies [string, string]]),
  ]);
  if (service.versions.length === 0) return `${head}\n\nNo versions yet.`;
  const versions = table(
    paint,
    ['VERSION', 'LOGIN', 'LABEL', 'TARGET SAYS', 'CREATED', 'ENDED'],
    service.versions.map((version) => ({
      cells: [
        version.name,
        version.username,
        version.label ?? '-',
        version.verdict ?? 'not tried',
        timestamp(version.createdAt),
        version.endedAt === null ? '-' : timestamp(version.endedAt),
      ],
    })),
  );
  return `${head}\n\n${versions}`;
}

type AdministratorChange = ResponseOf<typeof setAdministrator>;
const namesOf = (places: AdministratorChange['services']): string =>
  places.map(({ environment, service }) => `${environment}/${service}`).join(', ');

export const administratorLines = (paint: Paint, { username, services, findings }: AdministratorChange): string =>
  [
    `${paint.green('✓')} The target took ${username}; it administers ${namesOf(services)} from now on`,
    ...findings.flatMap((finding) => findingLines(paint, finding)),
  ].join('\n');

/** Who still has the password of before; null when nobody does. */
export const othersHint = ({ others }: AdministratorChange): string | null =>
  others.length === 0
    ? null
    : `${namesOf(others)} at the same server ${others.length === 1 ? 'has' : 'have'} the same administrator and still the password of before: add --for-all.`;
