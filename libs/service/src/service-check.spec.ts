import { describe, expect, it } from '@jest/globals';
import { declarations } from '@dsops/contracts/declarations';
import { eventRegistry } from '@dsops/contracts/event-registry';
import type { Declarations } from '@dsops/contracts/declaration-faults';
import type { ServiceName } from '@dsops/contracts/service-names';
import { EventConsumer, Handles } from '@dsops/messaging';
import { defineService } from './define-service.js';
import { assertDeclared, serviceFaults, type AppExports } from './service-check.js';

const events = [...eventRegistry.values()];

@EventConsumer('audit')
class HearsAll {
  @Handles(...events)
  async hear(): Promise<void> {}
}
@EventConsumer('audit')
class HearsLess {
  @Handles(...events.slice(1))
  async hear(): Promise<void> {}
}

/** Nobody connects with it here. */
class NoClient {
  $queryRawUnsafe = async <T>(): Promise<T> => undefined as T;
  $executeRawUnsafe = async (): Promise<number> => 0;
  $transaction = async <R>(): Promise<R> => undefined as R;
  $disconnect = async (): Promise<void> => undefined;
}
const aService = (name: ServiceName, consumers: readonly (new () => object)[] = []) =>
  defineService({ name, database: NoClient, controllers: [], providers: [], consumers });

const onlyAudit: Declarations = {
  ...declarations,
  services: { audit: declarations.services.audit! },
  consumers: { audit: declarations.consumers.audit! },
};
const found = (apps: Record<string, AppExports>) => serviceFaults(new Map(Object.entries(apps)), onlyAudit);

describe('a service and its declaration', () => {
  it('go together when the app defines what is declared', () => {
    expect(found({ audit: { audit: aService('audit', [HearsAll]), other: 1 } })).toEqual([]);
  });

  it.each<[string, Record<string, AppExports>, string]>([
    ['a declaration without an app', {}, 'audit is declared, and there is no app apps/audit with a service'],
    ['an app without its service', { audit: { audit: {} } }, 'apps/audit exports no service audit'],
    [
      'a service under the name of another',
      { audit: { audit: aService('gateway') } },
      'apps/audit defines the service gateway as audit',
    ],
    [
      'a service that is not declared',
      { audit: { audit: aService('audit', [HearsAll]) }, gateway: { gateway: aService('gateway') } },
      'apps/gateway defines a service that is not declared',
    ],
    [
      'a consumer without a handler',
      { audit: { audit: aService('audit', [HearsLess]) } },
      `audit declares ${events[0]!.type} and has no handler for it`,
    ],
    [
      'a consumer that the app has not',
      { audit: { audit: aService('audit') } },
      `audit declares ${events[0]!.type} and has no handler for it`,
    ],
  ])('are refused with %s, by name', (_, apps, sentence) => {
    expect(found(apps)).toEqual([expect.stringContaining(sentence)]);
  });

  it('let no process start whose declarations do not go together', () => {
    expect(() => assertDeclared()).not.toThrow();
    const { audit } = declarations.services;
    const twice = { ...declarations, services: { ...declarations.services, weather: audit! } };
    expect(() => assertDeclared(twice)).toThrow('two services are called audit');
  });
});
