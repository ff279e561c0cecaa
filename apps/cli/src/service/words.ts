import type { ServiceView } from '@dsops/contracts/rotation/api';
import { declarations, type TargetKind } from '@dsops/contracts/rotation/targets/declarations';
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
    ['Grace period', credential.gracePeriod],
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
