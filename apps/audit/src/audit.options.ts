import type { DatabaseOptions } from '@dsops/database';
import type { Clock } from '@dsops/kernel';
import type { MessagingOptions } from '@dsops/messaging';
import type { Invoker } from '@dsops/platform';

/** The audit service's own Prisma client. */
export const DATABASE = Symbol('Database');

/** What an app chooses for the audit service. */
export interface AuditOptions extends Pick<MessagingOptions, 'transport' | 'logger' | 'relay' | 'consumer' | 'sweep'> {
  readonly database: DatabaseOptions;
  readonly invoker: Invoker;
  readonly clock?: Clock;
}
