import type { ServiceDeclaration } from './service-declaration.js';
import * as services from './services.js';

type Declared = (typeof services)[keyof typeof services];
export type ServiceName = Declared['name'];

/** Every declaration, by name. */
export const serviceDeclarations: readonly (ServiceDeclaration & Pick<Declared, 'name' | 'topics'>)[] =
  Object.values(services);

/** The names of the services, in alphabetical order. */
export const SERVICES: readonly ServiceName[] = serviceDeclarations.map(({ name }) => name);

/** Those that seal. */
export const SEALING_SERVICES: readonly ServiceName[] = serviceDeclarations
  .filter(({ seals }) => seals)
  .map(({ name }) => name);

export const declarationOf = (service: ServiceName): ServiceDeclaration =>
  serviceDeclarations.find(({ name }) => name === service)!;
