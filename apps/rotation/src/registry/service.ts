import type { Consumers } from '@dsops/contracts/rotation/consumer-kinds';
import type { Strategy } from '@dsops/contracts/rotation/strategies';
import type { CredentialSettings, Slot, TargetAddress } from '@dsops/contracts/rotation/targets/define-target';
import { DomainError } from '@dsops/kernel';
import type { Verification } from '@dsops/drivers/driver';

/** What rotates. Durations are parsed; what people wrote is kept beside where it is shown. */
export interface Credential {
  readonly id: string;
  readonly name: string;
  readonly strategy: Strategy;
  /** One for each value that can be valid at the same time, the first in use first. */
  readonly slots: readonly Slot[];
  /** What its kind has to know of it. */
  readonly settings: CredentialSettings;
  /** `unmanaged`: somebody may use it whom dsops does not see. */
  readonly consumers: Consumers;
  readonly gracePeriod: string;
  readonly gracePeriodMs: number;
  /** Until a person is asked again whether nobody uses the old value; of managed consumers nobody is asked. */
  readonly maxGrace: string;
  readonly maxGraceMs: number;
  /** The standing answer; null without one. */
  readonly quietFor: string | null;
  readonly quietForMs: number | null;
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
  readonly target: TargetAddress;
  /** The login that administers the target, its password is in the vault; null where the credential changes itself. */
  readonly adminUsername: string | null;
  readonly managedBy: 'file' | 'api';
  readonly createdAt: Date;
  readonly credential: Credential;
}

export const unknownService = ({ environment, service }: { environment: string; service: string }): DomainError =>
  new DomainError('service_unknown', 'not_found', `There is no service ${service} in ${environment}.`, {
    remedy: 'List the services with: dsops service list',
  });
