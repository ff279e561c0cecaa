import { Module, type DynamicModule } from '@nestjs/common';
import { DaprInboundController } from './dapr-inbound.http.js';
import { DaprTransport } from './dapr-transport.service.js';

/**
 * Where the bodies of deliveries arrive, for `rawBodies` of the service app: as bytes, because whatever is in them must
 * be answered 200, and up to what a bulk of 200 records of 1 MiB needs in base64.
 */
export const INBOUND_EVENTS = { path: '/events', limit: '300mb' } as const;

/** The route that the sidecar delivers events to. Its port or its path must ask for the app's token. */
@Module({})
export class DaprInboundModule {
  static forTransport(transport: DaprTransport): DynamicModule {
    return {
      module: DaprInboundModule,
      controllers: [DaprInboundController],
      providers: [{ provide: DaprTransport, useValue: transport }],
    };
  }
}
