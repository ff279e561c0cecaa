import { declarationFaults } from '@dsops/contracts/declaration-faults';
import { declarations } from '@dsops/contracts/declarations';
import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import { DomainError, isDomainError } from '@dsops/kernel';
import { consumersIn, matchHandlers } from '@dsops/messaging';
import { isService, type Service } from './define-service.js';

/** What an app exports, by name. */
export type AppExports = Readonly<Record<string, unknown>>;

/**
 * Compares what is declared with the apps that there are.
 * @param apps those that define a service, by the names of their folders
 * @returns what is wrong, a sentence each that names it
 */
export function serviceFaults(apps: ReadonlyMap<string, AppExports>, { services, consumers } = declarations): string[] {
  const declared = Object.values(services).map(({ name }) => name);
  return [
    ...declared.flatMap((name) => {
      const service = apps.get(name)?.[name];
      if (!apps.has(name)) return [`${name} is declared, and there is no app apps/${name} with a service`];
      if (!isService(service)) return [`apps/${name} exports no service ${name}`];
      if (service.name !== name) return [`apps/${name} defines the service ${service.name} as ${name}`];
      return handlerFaults(service, Object.values(consumers));
    }),
    ...[...apps.keys()]
      .filter((name) => !declared.includes(name))
      .map((name) => `apps/${name} defines a service that is not declared`),
  ];
}

function handlerFaults({ name, consumers }: Service, declared: readonly ConsumerDeclaration[]): string[] {
  try {
    matchHandlers(
      declared.filter(({ service }) => service === name),
      consumersIn(consumers),
    );
    return [];
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return [`apps/${name}: ${error.message}`];
  }
}

/** @throws DomainError `declarations_differ`, naming all that does not go together */
export function assertDeclared(found = declarations): void {
  const faults = declarationFaults(found);
  if (faults.length > 0)
    throw new DomainError('declarations_differ', 'internal', `What services declare differs: ${faults.join('; ')}.`, {
      remedy: 'Mend it in libs/contracts. pnpm check services finds the same.',
    });
}
