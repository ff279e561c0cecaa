import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';

const packageRoot = dirname(createRequire(import.meta.url).resolve('@dsops/database/package.json'));

/**
 * `delivery` belongs to the embedded transport, `scheduling` to the embedded wake-ups, whose library makes its own
 * tables.
 */
const EMBEDDED = ['delivery', 'scheduling'] as const;
export type SchemaName = ServiceName | (typeof EMBEDDED)[number];

/** One schema, one owner, one login role, one set of migrations each. Every service has one. */
export const SCHEMAS: readonly SchemaName[] = [...SERVICES, ...EMBEDDED];

/** The role a service logs in with. It owns nothing: it may use the tables of its schema as the migrations grant. */
export const roleOf = (schema: SchemaName): string => `dsops_${schema}`;
/** The role that owns a schema's tables. Nobody logs in with it; migrations run as it. */
export const ownerOf = (schema: SchemaName): string => `dsops_${schema}_owner`;

/** Folders of migrations in the order they run: the tables of outbox and inbox come first, where a service has them. */
export const migrationSets = (schema: SchemaName): { dir: string; table: string }[] => [
  ...(schema === 'delivery'
    ? []
    : [{ dir: join(packageRoot, 'messaging', 'migrations'), table: 'messaging_migrations' }]),
  { dir: join(packageRoot, schema, 'migrations'), table: 'migrations' },
];
