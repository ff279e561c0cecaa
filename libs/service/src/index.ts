export { readServiceConfig, type Environment, type ServiceConfig } from './config.js';
export { runService, type ServiceParts, type ServiceProcess } from './run-service.js';
