import type { DatabaseOptions } from '@dsops/database';
import type { Clock } from '@dsops/kernel';
import type { MessagingOptions } from '@dsops/messaging';
import type { Invoker } from '@dsops/platform';

/** The notification service's own Prisma client. */
export const DATABASE = Symbol('Database');
export const CLOCK = Symbol('Clock');
export const LOGGER = Symbol('Logger');

/** What an app chooses for the notification service. */
export interface NotificationOptions extends Pick<
  MessagingOptions,
  'transport' | 'logger' | 'relay' | 'consumer' | 'sweep'
> {
  readonly database: DatabaseOptions;
  readonly invoker: Invoker;
  readonly clock?: Clock;
}
