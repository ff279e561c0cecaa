import type { DynamicModule } from '@nestjs/common';
import { unwrapSecret } from '@dsops/kernel';
import { startServiceApp, type ServiceApp } from '@dsops/platform';
import { GatewayModule } from './gateway.module.js';
import type { GatewayOptions } from './gateway.options.js';
import { securityHeaders } from './security-headers.js';

export interface GatewayServerOptions extends GatewayOptions {
  readonly host?: string;
  readonly port?: number;
  /** Puts something around the gateway's module, such as the routes that a sidecar calls. */
  readonly around?: (module: DynamicModule) => DynamicModule;
  readonly rawBodies?: readonly { readonly path: string; readonly limit: string }[];
}

/** What a sidecar calls: events and due jobs. */
const SIDECAR_PATHS = ['/events', '/job'];

/** Starts the gateway as a server of its own. Its security headers stand on errors of the very first bytes, too. */
export function startGateway(options: GatewayServerOptions): Promise<ServiceApp> {
  const { logger, host, port, around = (module) => module, rawBodies, internalToken } = options;
  return startServiceApp(around(GatewayModule.register(options)), {
    logger,
    before: [securityHeaders],
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    // The port is public; what a sidecar delivers asks for the token.
    ...(rawBodies && { rawBodies, token: unwrapSecret(internalToken), tokenPaths: SIDECAR_PATHS }),
  });
}
