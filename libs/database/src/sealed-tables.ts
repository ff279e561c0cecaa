import type { ServiceName } from '@dsops/contracts/service-names';

/**
 * A table of sealed values: which service seals them, how a row is named, and what each value is bound to. For a change
 * of the master key, which goes through all of them; a service that reads its own values asks its own repository.
 */
export interface SealedTable {
  readonly service: ServiceName;
  readonly table: string;
  /** The columns of its primary key, all of them text. */
  readonly key: readonly string[];
  /** SQL for the purpose of the row `s`. */
  readonly purpose: string;
  /** For each purpose SQL for the ids that a value is bound to, a list of text; null when its owner is not there. */
  readonly ids: Readonly<Record<string, string>>;
}

/** Every table with a wrapped key; a test looks for tables and purposes that are missing here. */
export const SEALED_TABLES: readonly SealedTable[] = [
  {
    service: 'notification',
    table: 'notification.sealed_settings',
    key: ['destination_id'],
    purpose: `'settings'`,
    ids: { settings: 'array[s.destination_id]' },
  },
  {
    service: 'rotation',
    table: 'rotation.sealed_values',
    key: ['owner_kind', 'owner_id'],
    purpose: 's.owner_kind',
    ids: {
      version: '(select array[v.credential_id, v.id, v.slot] from rotation.versions v where v.id = s.owner_id)',
      admin: '(select array[a.id, a.admin_username] from rotation.services a where a.id = s.owner_id)',
    },
  },
];
