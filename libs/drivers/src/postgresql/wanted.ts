import type { Shape } from '@dsops/contracts/rotation/strategies';
import type { PostgresqlSettings } from '@dsops/contracts/rotation/targets/postgresql';
import type * as driver from '../driver.js';

/** What is to be rotated, in PostgreSQL's words: a slot is a role, and bears its name. */
export interface Wanted {
  readonly shape: Shape;
  readonly slots: readonly string[];
  /** Asked for only where two roles take turns. */
  readonly owner: string | null;
  readonly inUse: string | null;
  /** Roles that may log in because dsops left a value there, which the rotation ends first. */
  readonly leftBehind: readonly string[];
  readonly endsSessions: boolean;
  /** Differences of the slots that a person accepted by name. */
  readonly acceptedDifferences: readonly string[];
}

export const wantedOf = ({
  shape,
  settings,
  slots,
  inUse,
  leftBehind = [],
  endsSessions,
}: driver.Wanted<PostgresqlSettings>): Wanted => ({
  shape,
  slots: slots.map(({ login }) => login),
  owner: shape === 'side-by-side' ? (settings.owner ?? null) : null,
  inUse,
  leftBehind,
  endsSessions,
  acceptedDifferences: settings.acceptedDifferences ?? [],
});
