import type { Target } from '@dsops/contracts/rotation/api';
import type { Strategy } from '@dsops/contracts/rotation/states';
import { DomainError } from '@dsops/kernel';
import type { Verification } from '@dsops/drivers/driver';

/** What rotates. Durations are parsed; what people wrote is kept beside where it is shown. */
export interface Credential {
  readonly id: string;
  readonly name: string;
  readonly strategy: Strategy;
  /** Login roles on the target: one for `immediate`, two for `two-key`, the first in use first. */
  readonly slots: readonly string[];
  /** The role that owns what both slots create; null with one slot. */
  readonly owner: string | null;
  readonly gracePeriod: string;
  readonly gracePeriodMs: number;
  readonly verification: Verification;
  /** False: a failure stops at `needs_operator`, with the target as it is. */
  readonly isRollbackAutomatic: boolean;
}

/** A target that people name, with the one credential that it has today. */
export interface RegisteredService {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  readonly type: string;
  readonly target: Target;
  /** The login that administers the target; its password is in the vault. */
  readonly adminUsername: string;
  readonly managedBy: 'file' | 'api';
  readonly createdAt: Date;
  readonly credential: Credential;
}

export const unknownService = ({ environment, service }: { environment: string; service: string }): DomainError =>
  new DomainError('service_unknown', 'not_found', `There is no service ${service} in ${environment}.`, {
    remedy: 'List the services with: dsops service list',
  });
