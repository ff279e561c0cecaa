import { Module, type DynamicModule } from '@nestjs/common';
import { z } from 'zod';
import { declarationOf } from '@dsops/contracts/service-names';
import { connect, wordOutage } from '@dsops/database';
import { systemClock, unwrapSecret } from '@dsops/kernel';
import { INBOUND_EVENTS } from '@dsops/messaging';
import { startServiceApp, type ServiceApp } from '@dsops/platform';
import type { Environment } from './config.js';
import type { Service, Surroundings } from './define-service.js';
import { assertDeclared } from './service-check.js';
import { ServiceModule } from './service.module.js';

export interface HostOptions {
  /** Its own configuration, which has passed the service's `config`. */
  readonly own?: unknown;
  readonly host?: string;
  /** A free port unless said. */
  readonly port?: number;
  /** The routes that its sidecar calls, when it has one. */
  readonly sidecar?: readonly DynamicModule[];
}

/** What a sidecar calls: events and due jobs. */
const SIDECAR_PATHS = ['/events', '/job'];

/** Of these values, what the service asks for, as its configuration. @throws ZodError */
export const ownConfigOf = (service: Service, values: Environment): unknown => z.object(service.config).parse(values);

/**
 * Runs a service in this process, until it is closed: then what was asked is answered, what was begun is finished, and
 * the database is left last.
 * @throws DomainError `declarations_differ`, `handlers_differ`; whatever its providers and its start throw
 */
export async function hostService(
  service: Service,
  surroundings: Surroundings,
  options: HostOptions = {},
): Promise<ServiceApp> {
  assertDeclared();
  const { own = {}, sidecar, host, port } = options;
  const { clock = systemClock, token } = surroundings;
  const database = connect(service.database, service.name, surroundings.database);
  const listen = {
    logger: surroundings.logger,
    before: service.before,
    wordError: wordOutage,
    ...doorOf(service, unwrapSecret(token), sidecar !== undefined),
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(sidecar !== undefined && { rawBodies: [INBOUND_EVENTS] }),
  };
  try {
    const module = await ServiceModule.of(service, {
      ...surroundings,
      database,
      clock,
      own,
      isThrowaway: surroundings.database.isThrowaway === true,
    });
    const app = await startServiceApp(sidecar === undefined ? module : withRoutes(module, sidecar), listen);
    const close = async () => {
      await app.close();
      await database.$disconnect();
    };
    try {
      await service.started(app.app, own);
    } catch (error) {
      await app.close();
      throw error;
    }
    return { ...app, close };
  } catch (error) {
    await database.$disconnect();
    throw error;
  }
}

/** An internal port asks every caller for the token. The public one checks its callers itself, but for what a sidecar delivers. */
function doorOf({ name }: Service, token: string, hasSidecar: boolean): { token?: string; tokenPaths?: string[] } {
  if (declarationOf(name).door === 'internal') return { token };
  return hasSidecar ? { token, tokenPaths: SIDECAR_PATHS } : {};
}

/** A service with the routes of its sidecar: the root of a process. */
@Module({})
class ServiceWithSidecar {}

const withRoutes = (module: DynamicModule, routes: readonly DynamicModule[]): DynamicModule => ({
  module: ServiceWithSidecar,
  imports: [module, ...routes],
});
