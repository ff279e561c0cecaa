import { startServiceApp, type ServiceApp } from '@dsops/platform';
import { GatewayModule } from './gateway.module.js';
import type { GatewayOptions } from './gateway.options.js';
import { securityHeaders } from './security-headers.js';

/** Starts the gateway as a server of its own. Its security headers stand on errors of the very first bytes, too. */
export const startGateway = (
  options: GatewayOptions & { readonly host?: string; readonly port?: number },
): Promise<ServiceApp> =>
  startServiceApp(GatewayModule.register(options), {
    logger: options.logger,
    before: [securityHeaders],
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.port === undefined ? {} : { port: options.port }),
  });
