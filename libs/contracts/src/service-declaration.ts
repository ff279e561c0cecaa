/** The key of a service that seals, as a file that setup writes: in a folder of its own for each service. */
export const SERVICE_KEY = { variable: 'DSOPS_SERVICE_KEY_FILE', folder: 'keys', file: 'service.key' } as const;

/**
 * Files of an installation that lie apart from its database. `variable` names the path to the service; `folder` is what
 * such files lie in together, and a volume of its own where services are containers. What lies in `keys` is one
 * service's alone, beside its {@link SERVICE_KEY}.
 */
export const INSTALLATION_FILES = {
  /** The high-water mark: in no backup of the database. */
  mark: { variable: 'DSOPS_MARK_FILE', folder: 'keys', file: 'mark.json' },
  /** How far the audit log has come: in no backup of the database, and out of the reach of who administers that. */
  auditHead: { variable: 'DSOPS_AUDIT_HEAD_FILE', folder: 'audit', file: 'audit-head.json' },
  /** Where the first admin key is put. */
  adminKey: { variable: 'DSOPS_ADMIN_KEY_FILE', folder: 'admin', file: 'admin.key' },
} as const;
export type InstallationFile = keyof typeof INSTALLATION_FILES;

/**
 * What the rest of the product has to know of a service before it speaks with it. Its events, operations and consumers
 * stand in `events.ts`, `api.ts` and `consumers.ts` beside the declaration, and are found there.
 */
export interface ServiceDeclaration {
  /** Names its app (`apps/<name>`), its app id for Dapr, its schema and its role in the database. */
  readonly name: string;
  /** What it is there for, in half a sentence. */
  readonly owns: string;
  /** Those that it alone says events on. A topic and its keys never change once released; a type stays on its topic. */
  readonly topics: readonly string[];
  /** What it gets beside its database. */
  readonly files: readonly InstallationFile[];
  /** It keeps secrets of others: it is handed a service key, to seal and to open what it has sealed. */
  readonly seals: boolean;
  /** `public`: has callers from outside; it starts last and closes first. `internal`: is called by services alone. */
  readonly door: 'public' | 'internal';
}

/** The variables by which a service learns where its files are. */
export const variablesOf = (
  { files }: ServiceDeclaration,
  paths: Readonly<Record<InstallationFile, string>>,
): Record<string, string> => Object.fromEntries(files.map((file) => [INSTALLATION_FILES[file].variable, paths[file]]));
