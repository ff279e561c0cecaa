/** The two ways in which events travel, as a process of the load proof takes them. */
import { Secret } from '@dsops/kernel';
import { DaprInboundModule, DaprTransport, EmbeddedTransport, INBOUND_EVENTS } from '@dsops/messaging';
import { ChaosTransport } from '@dsops/messaging/conformance';
import { HealthModule } from '@dsops/platform';

/** Rows in PostgreSQL, by a transport that drops, doubles and delays a share of the events. */
function embedded({ chaosRate }, { database, logger }) {
  const inner = new EmbeddedTransport({ ...database, poolSize: 6, logger, pollMs: 50 });
  const isUnlucky = () => Math.random() < chaosRate;
  const transport = new ChaosTransport(inner, {
    // The last event of every key is lost for certain: no later event would betray it.
    drops: ({ event }) => isUnlucky() || (chaosRate > 0 && event.data.reason.startsWith('last ')),
    doubles: isUnlucky,
    delays: isUnlucky,
  });
  return { transport, imports: [], listen: {}, flush: () => transport.flush(), close: () => inner.close() };
}

/** A Dapr sidecar of this process alone, and Kafka: nothing in between is ours. */
function dapr({ port, sidecarUrl, apiToken, topicPrefix }, { declarations, logger }) {
  const transport = new DaprTransport({ sidecarUrl, apiToken: new Secret(apiToken), topicPrefix, logger });
  // Before the sidecar finds the service: what arrives before its consumer listens has to come again.
  transport.keepFor(declarations);
  return {
    transport,
    imports: [DaprInboundModule.forTransport(transport), HealthModule.of([])],
    listen: { port, rawBodies: [INBOUND_EVENTS] },
    flush: async () => undefined,
    close: async () => undefined,
  };
}

const KINDS = { embedded, dapr };

export const openTransport = (settings, surroundings) => KINDS[settings.kind](settings, surroundings);
