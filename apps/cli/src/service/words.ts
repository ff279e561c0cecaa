import type { ServiceView } from '@dsops/contracts/rotation/api';
import { fields, table } from '../output/table.js';
import type { Paint } from '../output/terminal.js';
import { timestamp } from '../output/time.js';

export const currentVersion = (service: ServiceView) => service.versions.find(({ label }) => label === 'CURRENT');

const address = ({ target }: ServiceView): string => `${target.host}:${target.port}/${target.database}`;

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
          address(service),
          service.credential.strategy,
          currentVersion(service)?.name ?? 'none yet',
          service.managedBy,
        ],
      })),
  );

export function serviceBlock(paint: Paint, service: ServiceView): string {
  const { credential, target } = service;
  const head = fields(paint, [
    ['Service', service.name],
    ['Environment', service.environment],
    ['Id', service.id],
    ['Type', service.type],
    ['Target', `${address(service)} (sslmode ${target.sslMode})`],
    ['Administered by', service.adminUsername],
    ['Managed by', service.managedBy],
    ['Credential', `${credential.name}, ${credential.strategy}`],
    ['Slots', credential.slots.join(', ')],
    ['Owner', credential.owner ?? '-'],
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
