import { stringify } from 'yaml';
import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import { consumers } from '@dsops/contracts/consumers';
import { declarationOf, SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import type { Topic } from '@dsops/contracts/topics';
import { eventRegistry } from '@dsops/contracts/event-registry';
import { operations } from '@dsops/contracts/api';
import { topicFlows } from './topic-list.js';

/** Name of the pub/sub component that services publish to. */
export const PUBSUB = 'pubsub';
/** Name of the store of secrets, the components' and the services': Dapr's `secretstores.local.env` or Kubernetes'. */
export const SECRET_STORE = 'secrets';
/** Variables of the sidecar that the local store gives out, without this. */
export const LOCAL_SECRET_PREFIX = 'DSOPS_SECRET_';
/** A store that daprd brings with it in Kubernetes, unasked. */
const BUILT_IN_STORE = 'kubernetes';

/** How brokers are reached. Passwords are never written: a component refers to a secret store for them. */
export interface KafkaAccess {
  /** `host:port`, comma-separated. */
  readonly brokers: string;
  /** SASL/SCRAM; the password is the secret `kafka-password`. Without it the brokers ask nobody who they are. */
  readonly scram?: { readonly username: string; readonly mechanism: 'SHA-256' | 'SHA-512' };
  /** TLS; `caCert` is PEM. Without it everything goes over the network in the clear. */
  readonly tls?: { readonly caCert?: string };
}

/** Where the services and their sidecars run; Dapr calls it the hosting mode. */
export type Hosting =
  /** One machine, secrets from the sidecar's environment. `isReplicated`: services have many processes each. */
  | { readonly kind: 'processes'; readonly isReplicated?: boolean }
  /** The namespace of the services. */
  | { readonly kind: 'kubernetes'; readonly namespace: string };

/** What differs between this machine, a staging and a production cluster. */
export interface DaprSettings {
  readonly kafka: KafkaAccess;
  /** Such as `staging-`. */
  readonly topicPrefix: string;
  /** Zipkin's collector, such as `http://127.0.0.1:9411/api/v2/spans`; without it spans are made and sent nowhere. */
  readonly zipkinUrl?: string;
  /** The share of traces begun by a sidecar that is collected, such as `0.1`; all unless said. Never 0: then none goes through Kafka. */
  readonly samplingRate?: string;
  readonly hosting: Hosting;
}

/** The settings that the files in the repository are written with: brokers of this machine, no prefix. */
export const LOCAL_DAPR: DaprSettings = {
  kafka: { brokers: '127.0.0.1:9092' },
  topicPrefix: '',
  zipkinUrl: 'http://127.0.0.1:9411/api/v2/spans',
  hosting: { kind: 'processes' },
};

/**
 * The sidecars' files, by path below `dapr/`: `resources/` (give the folder to every daprd) and `config/<app id>.yaml`
 * (one each). Formats: docs.dapr.io/reference/resource-specs.
 */
export function renderDapr(settings: DaprSettings = LOCAL_DAPR): Map<string, string> {
  const files = new Map<string, object | readonly object[]>([
    ['resources/pubsub.yaml', pubsub(settings, PUBSUB)],
    ['resources/secrets.yaml', secretStore(settings)],
    ['resources/resiliency.yaml', resiliency(settings)],
  ]);
  for (const { topic, services } of topicReaders()) {
    const names = subscriptionsTo(settings, topic);
    files.set(
      `resources/pubsub-${topic}.yaml`,
      names.map((name) => ({ ...pubsub(settings, hearing(name)), scopes: services })),
    );
    files.set(
      `resources/subscription-${topic}.yaml`,
      names.map((name) => subscription(settings, topic, name, services)),
    );
  }
  for (const service of SERVICES) files.set(`config/${service}.yaml`, configuration(settings, service));
  return new Map([...files].map(([path, content]) => [path, HEADER + [content].flat().map(textOf).join('---\n')]));
}

export const HEADER = '# Generated from libs/contracts: node tools/generate.mjs\n';

const textOf = (document: object): string => stringify(document, { lineWidth: 0 });

const resource = (settings: DaprSettings, apiVersion: string, kind: string, name: string) => ({
  apiVersion,
  kind,
  metadata: { name, ...(settings.hosting.kind === 'kubernetes' ? { namespace: settings.hosting.namespace } : {}) },
});

/** Component reference: docs.dapr.io/reference/components-reference/supported-pubsub/setup-apache-kafka. */
function pubsub(settings: DaprSettings, name: string): object {
  const { brokers, scram, tls } = settings.kafka;
  const metadata = {
    brokers,
    authType: scram === undefined ? 'none' : 'password',
    ...(scram && { saslUsername: scram.username, saslMechanism: scram.mechanism }),
    disableTls: String(tls === undefined),
    ...(tls?.caCert !== undefined && { caCert: tls.caCert }),
    version: '4.0.0',
    // A service's events wait for it from the topic's beginning; the default would lose what was said before it joined.
    initialOffset: 'oldest',
    // Bodies that no consumer takes now come again after a second, for as long as it takes: nothing is ever dropped.
    consumeRetryEnabled: 'true',
    backOffPolicy: 'constant',
    backOffDuration: '1s',
    backOffMaxRetries: '-1',
    clientConnectionTopicMetadataRefreshInterval: '1m',
  };
  const entries: object[] = Object.entries(metadata).map(([name, value]) => ({ name, value }));
  if (scram) entries.push({ name: 'saslPassword', secretKeyRef: { name: 'kafka-password', key: 'kafka-password' } });
  return {
    ...resource(settings, 'dapr.io/v1alpha1', 'Component', name),
    spec: { type: 'pubsub.kafka', version: 'v1', metadata: entries },
    auth: { secretStore: SECRET_STORE },
  };
}

const secretStore = (settings: DaprSettings): object => ({
  ...resource(settings, 'dapr.io/v1alpha1', 'Component', SECRET_STORE),
  spec: {
    version: 'v1',
    ...(settings.hosting.kind === 'kubernetes'
      ? { type: 'secretstores.kubernetes', metadata: [] }
      : { type: 'secretstores.local.env', metadata: [{ name: 'prefix', value: LOCAL_SECRET_PREFIX }] }),
  },
});

/** Which services listen to a topic. */
const topicReaders = (): { topic: Topic; services: ServiceName[] }[] =>
  topicFlows().map(({ topic, listeners }) => ({
    topic,
    services: [...new Set(listeners.map(({ consumer }) => consumer.service))],
  }));

/**
 * How a topic is heard. A component hands over one batch at a time, whatever its partition, so the wait for a batch is
 * several times what the transactions of its partitions take: where it is less than once, batches stay at one or two
 * events however much waits. Two components have six partitions each, and are two members of their consumer group: where
 * twelve replicas share twelve partitions, some would have none. In a cluster each statement of a transaction crosses a
 * network to its database (docs/adr/0014).
 */
const hearingOf = (hosting: Hosting): { readonly components: number; readonly waitMs: number } => {
  if (hosting.kind === 'kubernetes') return { components: 1, waitMs: 500 };
  return hosting.isReplicated === true ? { components: 1, waitMs: 160 } : { components: 2, waitMs: 120 };
};

/** Names of a topic's subscriptions. */
const subscriptionsTo = ({ hosting }: DaprSettings, topic: Topic): string[] =>
  Array.from({ length: hearingOf(hosting).components }, (_, nth) => (nth === 0 ? topic : `${topic}-${nth + 1}`));

/** Name of the component by which a subscription hears. It is its own: topics must not wait for each other. */
const hearing = (subscription: string): string => `${PUBSUB}-${subscription}`;

/** Batches: one transaction of the consumer takes up to 200 events. No dead letter topic: dead letters are our tables. */
const subscription = (
  settings: DaprSettings,
  topic: Topic,
  name: string,
  services: readonly ServiceName[],
): object => ({
  ...resource(settings, 'dapr.io/v2alpha1', 'Subscription', name),
  scopes: services,
  spec: {
    pubsubname: hearing(name),
    topic: `${settings.topicPrefix}${topic}`,
    routes: { default: `/events/${topic}` },
    // The record in the broker is the event as the outbox has it; daprd neither adds to it nor judges it.
    metadata: { rawPayload: 'true' },
    bulkSubscribe: { enabled: true, maxMessagesCount: 200, maxAwaitDurationMs: hearingOf(settings.hosting).waitMs },
  },
});

/**
 * Invocation: nothing is tried again by the sidecar, because only the caller knows what may be done twice. Inbound
 * events: until they are taken. No circuit breaker: open, it would give events up.
 */
const resiliency = (settings: DaprSettings): object => ({
  apiVersion: 'dapr.io/v1alpha1',
  kind: 'Resiliency',
  metadata: { name: 'dsops' },
  spec: {
    policies: {
      timeouts: { batch: '60s' },
      retries: {
        untilTaken: { policy: 'constant', duration: '1s', maxRetries: -1 },
        never: { policy: 'constant', duration: '1s', maxRetries: 0 },
      },
    },
    targets: {
      apps: Object.fromEntries(SERVICES.map((service) => [service, { retry: 'never' }])),
      components: {
        [PUBSUB]: { outbound: { retry: 'never' } },
        ...Object.fromEntries(
          topicReaders()
            .flatMap(({ topic }) => subscriptionsTo(settings, topic))
            .map((name) => [hearing(name), { inbound: { timeout: 'batch', retry: 'untilTaken' } }]),
        ),
      },
    },
  },
});

/** Tracing, who may invoke this service, and which secrets it may read. What is not listed is refused. */
const configuration = (settings: DaprSettings, service: ServiceName): object => ({
  ...resource(settings, 'dapr.io/v1alpha1', 'Configuration', `dsops-${service}`),
  spec: {
    tracing: {
      samplingRate: settings.samplingRate ?? '1',
      ...(settings.zipkinUrl !== undefined && { zipkin: { endpointAddress: settings.zipkinUrl } }),
    },
    secrets: {
      scopes: [
        { storeName: SECRET_STORE, defaultAccess: 'deny', allowedSecrets: secretsOf(service) },
        ...(settings.hosting.kind === 'kubernetes' ? [{ storeName: BUILT_IN_STORE, defaultAccess: 'deny' }] : []),
      ],
    },
    accessControl: {
      defaultAction: 'deny',
      trustDomain: 'public',
      policies: callersOf(service).map(({ caller, paths }) => ({
        appId: caller,
        trustDomain: 'public',
        namespace: settings.hosting.kind === 'kubernetes' ? settings.hosting.namespace : 'default',
        defaultAction: 'deny',
        operations: paths.map((name) => ({ name, httpVerb: ['*'], action: 'allow' })),
      })),
    },
  },
});

/** The one table of who may read which secrets of the store. Those of components, such as Kafka's password, are nobody's. */
export const secretsOf = (service: ServiceName): readonly string[] => [
  databasePasswordOf(service),
  ...(declarationOf(service).seals ? [serviceKeyOf(service)] : []),
];

/** The secret with the password of a service's role in the database. */
export const databasePasswordOf = (service: string): string => `database-password-${service}`;
/** The secret with the key of a service that seals. */
export const serviceKeyOf = (service: string): string => `service-key-${service}`;

/**
 * The one table of who may invoke whom, and what. The gateway: the operations, the dead letters and the readiness of
 * every service. A consumer: the heads and events of the services whose events it hears.
 */
export function callersOf(service: ServiceName): { readonly caller: ServiceName; readonly paths: readonly string[] }[] {
  const folders = new Set(
    operations.filter((operation) => operation.service === service).map(({ path }) => path.split('/')[1]!),
  );
  const forGateway = [...[...folders].map((folder) => `/${folder}/**`), '/internal/dead-letters/**', '/health/ready'];
  const said = new Set(
    [...eventRegistry.values()].filter(({ producer }) => producer === service).map(({ topic }) => topic),
  );
  const all: readonly ConsumerDeclaration[] = Object.values(consumers);
  const hears = (caller: ServiceName) =>
    all.some((one) => one.service === caller && one.topics.some((topic) => said.has(topic)));
  return SERVICES.flatMap((caller) => {
    const paths = [
      ...(caller === 'gateway' && service !== 'gateway' ? forGateway : []),
      ...(hears(caller) ? ['/internal/events/**'] : []),
    ];
    return paths.length === 0 ? [] : [{ caller, paths }];
  });
}
