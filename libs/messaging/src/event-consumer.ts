import { Injectable, SetMetadata, applyDecorators } from '@nestjs/common';

const CONSUMER_NAME = 'dsops consumer';

/**
 * Marks a provider whose methods carry `@Handles` as (part of) a consumer. `name` is one of the declarations in
 * libs/contracts; what it handles must be exactly what is declared there.
 */
export const EventConsumer = (name: string): ClassDecorator =>
  applyDecorators(Injectable(), SetMetadata(CONSUMER_NAME, name));

/** The name that a class has from {@link EventConsumer}; undefined when it is no consumer. */
export const consumerNameOf = (type: object): string | undefined =>
  Reflect.getMetadata(CONSUMER_NAME, type) as string | undefined;
