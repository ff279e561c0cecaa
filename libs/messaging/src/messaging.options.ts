import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import type { EventDefinition } from '@dsops/contracts/define-event';
import type { ServiceName } from '@dsops/contracts/service-names';
import type { Database } from '@dsops/database';
import type { Clock, Secret } from '@dsops/kernel';
import type { Invoker, Logger } from '@dsops/platform';
import type { StartsFrom } from './completeness/registration.service.js';
import type { SweepSettings } from './completeness/sweep.service.js';
import type { ConsumerSettings } from './inbox/consumer.service.js';
import type { RelaySettings } from './outbox/relay.service.js';
import type { Transport } from './transport.js';

export interface MessagingOptions {
  readonly service: ServiceName;
  /** The service's own Prisma client. */
  readonly database: Database;
  readonly transport: Transport;
  readonly logger: Logger;
  /** Calls to the producers, for the completeness sweep. Without it nothing lost by the transport is ever found. */
  readonly invoker?: Invoker;
  /** Asked from callers of the internal routes. Required where the public reaches the same port: at the gateway. */
  readonly internalToken?: Secret;
  readonly clock?: Clock;
  readonly relay?: Partial<RelaySettings>;
  readonly consumer?: Partial<ConsumerSettings>;
  readonly sweep?: Partial<SweepSettings>;
  /** Where each consumer starts when it registers for the first time; `beginning` unless said. */
  readonly register?: Readonly<Record<string, StartsFrom>>;
  /** The consumers of the whole product; those of libs/contracts unless said. */
  readonly declarations?: readonly ConsumerDeclaration[];
  /** The events of the whole product; those of libs/contracts unless said. */
  readonly registry?: ReadonlyMap<string, EventDefinition>;
}
