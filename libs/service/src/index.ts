export { readServiceConfig, serviceKeyConfig, type Environment, type ServiceConfig } from './config.js';
export {
  defineService,
  type Service,
  type ServiceDefinition,
  type ServiceParts,
  type Surroundings,
} from './define-service.js';
export { hostService, ownConfigOf, type HostOptions } from './host-service.js';
export { runService } from './run-service.js';
export { assertDeclared, serviceFaults, type AppExports } from './service-check.js';
export { ServiceModule } from './service.module.js';
export { CLOCK, DATABASE, LOGGER, TOKEN } from './tokens.js';
