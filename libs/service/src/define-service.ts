import type { INestApplicationContext, Provider, Type } from '@nestjs/common';
import type { z } from 'zod';
import type { ServiceName } from '@dsops/contracts/service-names';
import type { ClientClass, Database, DatabaseOptions } from '@dsops/database';
import type { Clock, Secret } from '@dsops/kernel';
import type { MessagingOptions, Transport } from '@dsops/messaging';
import type { Dependency, Invoker, Logger, ServiceAppOptions } from '@dsops/platform';
import type { ServiceKey } from '@dsops/sealing';
import type { WakeUps } from '@dsops/scheduling';

/** What the program that runs services chooses for one of them. Nothing else differs between the ways of running. */
export interface Surroundings {
  /** Where its schema is. The service logs in with its own role. */
  readonly database: DatabaseOptions;
  readonly transport: Transport;
  readonly invoker: Invoker;
  /** Started by who made it, once the service has said who is woken. */
  readonly wakeUps?: WakeUps;
  readonly clock?: Clock;
  readonly logger: Logger;
  /** What services state when they call each other. */
  readonly token: Secret;
  /** Of this service alone; there when its declaration says that it seals. */
  readonly key?: ServiceKey;
  /** The lock of the installation's folder sees to it that no other process runs this service. */
  readonly isAlone?: boolean;
  /** What whoever runs the service knows to be needed, beside its database and its transport. */
  readonly dependencies?: readonly Dependency[];
  /** Numbers that tests make small. */
  readonly messaging?: Pick<MessagingOptions, 'relay' | 'consumer' | 'sweep'>;
}

/** What the providers of a service are made of. */
export interface ServiceParts<Client, Own> extends Omit<Surroundings, 'database'> {
  readonly database: Client;
  readonly clock: Clock;
  /** Its own configuration. */
  readonly own: Own;
  /** Of its database: see {@link DatabaseOptions}. */
  readonly isThrowaway?: boolean;
}

type Parsed<Own extends z.ZodRawShape> = z.output<z.ZodObject<Own>>;

/** Everything that makes a service this one and no other. */
export interface ServiceDefinition<Client extends object, Own extends z.ZodRawShape> {
  readonly name: ServiceName;
  /** The generated client of its schema. */
  readonly database: ClientClass<Client> & ClientClass<Database>;
  /** Variables of this service alone, by their names. */
  readonly config?: Own;
  /** In the order in which they are asked for a path. */
  readonly controllers: readonly Type[];
  /** Classes with `@EventConsumer`: what they handle and what is declared for this service have to be the same. */
  readonly consumers?: readonly Type[];
  /**
   * Beside these there are DATABASE, CLOCK, LOGGER, INVOKER and TOKEN, the units of work of messaging, and for a service
   * that seals its {@link Sealer}.
   */
  readonly providers:
    | readonly Provider[]
    | ((parts: ServiceParts<Client, Parsed<Own>>) => readonly Provider[] | Promise<readonly Provider[]>);
  /** What every request passes first. */
  readonly before?: NonNullable<ServiceAppOptions['before']>;
  /** What is left to do once it listens. */
  started?(app: INestApplicationContext, own: Parsed<Own>): Promise<unknown>;
}

const DEFINED = Symbol('dsops service');

/** A service that can be run, by its own `main.ts` or together with others. */
export interface Service {
  readonly [DEFINED]: true;
  readonly name: ServiceName;
  readonly config: z.ZodRawShape;
  readonly database: ClientClass<Database>;
  readonly controllers: readonly Type[];
  readonly consumers: readonly Type[];
  readonly before: NonNullable<ServiceAppOptions['before']>;
  /** @param parts with a `database` of the service's schema, and with `own` as {@link config} makes it */
  providers(parts: ServiceParts<Database, unknown>): Promise<readonly Provider[]>;
  started(app: INestApplicationContext, own: unknown): Promise<void>;
}

/**
 * Defines a service. How it is run, with which adapters and beside whom, is not for it to know.
 * @example export const audit = defineService({ name: 'audit', database: PrismaClient, controllers, consumers, providers })
 */
export function defineService<Client extends object, Own extends z.ZodRawShape = Record<never, never>>(
  definition: ServiceDefinition<Client, Own>,
): Service {
  const { name, database, config, controllers, consumers = [], providers, before = [] } = definition;
  return {
    [DEFINED]: true,
    name,
    database,
    config: config ?? {},
    controllers,
    consumers,
    before,
    async providers(parts) {
      return typeof providers === 'function'
        ? providers(parts as ServiceParts<unknown, unknown> as ServiceParts<Client, Parsed<Own>>)
        : providers;
    },
    async started(app, own) {
      await definition.started?.(app, own as Parsed<Own>);
    },
  };
}

export const isService = (value: unknown): value is Service =>
  typeof value === 'object' && value !== null && DEFINED in value;
