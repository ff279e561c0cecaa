import { Module } from '@nestjs/common';
import { HealthModule, startServiceApp, type Logger, type ServiceApp } from '@dsops/platform';
import { DaprInboundModule, INBOUND_EVENTS, type DaprTransport } from '../src/index.js';

/** A service as its sidecar sees it: ready when its consumers listen, and the route that events come to. */
export function startInboundApp(transport: DaprTransport, token: string, logger: Logger): Promise<ServiceApp> {
  const check = () => (transport.isListening ? Promise.resolve() : Promise.reject(new Error('nobody listens yet')));
  @Module({
    imports: [DaprInboundModule.forTransport(transport), HealthModule.of([{ name: 'consumers', check }], logger)],
  })
  class InboundApp {}
  return startServiceApp(InboundApp, { logger, token, rawBodies: [INBOUND_EVENTS] });
}
