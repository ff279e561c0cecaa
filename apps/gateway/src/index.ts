export { ensureAdminKey, GatewayModule } from './gateway.module.js';
export { startGateway } from './start-gateway.service.js';
export type { AdminKeyOutcome } from './access/admin-key.service.js';
export type { GatewayOptions, GatewayTuning } from './gateway.options.js';
