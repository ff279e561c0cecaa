import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { consumers } from '@dsops/contracts/consumers';
import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { callersOf, renderDapr, type DaprSettings } from './dapr.js';

const STAGING: DaprSettings = {
  kafka: {
    brokers: 'a:9093,b:9093',
    scram: { username: 'dsops', mechanism: 'SHA-512' },
    tls: { caCert: '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n' },
  },
  topicPrefix: 'staging-',
  hosting: { kind: 'kubernetes', namespace: 'dsops' },
};

const documentsIn = (path: string, settings?: DaprSettings): unknown[] =>
  parseAllDocuments(renderDapr(settings).get(path) ?? '').map((document) => document.toJS() as unknown);
const file = (path: string, settings?: DaprSettings): unknown => documentsIn(path, settings)[0];
const metadataOf = (component: unknown) =>
  Object.fromEntries(
    (component as { spec: { metadata: { name: string; value?: string; secretKeyRef?: object }[] } }).spec.metadata.map(
      ({ name, value, secretKeyRef }) => [name, value ?? secretKeyRef],
    ),
  );

describe("the sidecars' files", () => {
  it('subscribe every service to the topics of its consumers, and to no other', () => {
    for (const { service, topics } of Object.values(consumers))
      for (const topic of topics)
        expect(file(`resources/subscription-${topic}.yaml`)).toMatchObject({
          scopes: expect.arrayContaining([service]) as unknown,
          spec: { topic, pubsubname: `pubsub-${topic}`, routes: { default: `/events/${topic}` } },
        });
    expect(file('resources/subscription-notification-events.yaml')).toMatchObject({ scopes: ['audit', 'gateway'] });
  });

  it('hear each topic by a component of its own, which only those have who listen: one is not held up by another', () => {
    for (const topic of new Set(Object.values(consumers).flatMap(({ topics }) => topics))) {
      const { scopes } = file(`resources/subscription-${topic}.yaml`) as { scopes: string[] };
      expect(file(`resources/pubsub-${topic}.yaml`)).toMatchObject({
        kind: 'Component',
        metadata: { name: `pubsub-${topic}` },
        scopes,
      });
      expect(metadataOf(file(`resources/pubsub-${topic}.yaml`, STAGING))).toEqual(
        metadataOf(file('resources/pubsub.yaml', STAGING)),
      );
    }
  });

  it('share the partitions of a topic between two components on one machine, and leave each of many replicas one', () => {
    const wayOf = (pubsubname: string, maxAwaitDurationMs: number) =>
      expect.objectContaining({
        spec: expect.objectContaining({
          pubsubname,
          bulkSubscribe: expect.objectContaining({ maxAwaitDurationMs }) as unknown,
        }) as unknown,
      }) as unknown;
    const ways = [wayOf('pubsub-access-events', 120), wayOf('pubsub-access-events-2', 120)];
    expect(documentsIn('resources/subscription-access-events.yaml')).toEqual(ways);
    const replicated: DaprSettings = { ...STAGING, hosting: { kind: 'processes', isReplicated: true } };
    expect(documentsIn('resources/subscription-access-events.yaml', replicated)).toEqual([
      wayOf('pubsub-access-events', 160),
    ]);
    expect(documentsIn('resources/subscription-access-events.yaml', STAGING)).toEqual([
      wayOf('pubsub-access-events', 500),
    ]);
  });

  it('give every component that hears a topic its subscription, under a name of its own, and the retries that lose nothing', () => {
    for (const settings of [undefined, STAGING])
      for (const topic of new Set(Object.values(consumers).flatMap(({ topics }) => topics))) {
        const components = documentsIn(`resources/pubsub-${topic}.yaml`, settings) as {
          metadata: { name: string };
          scopes: string[];
        }[];
        const subscriptions = documentsIn(`resources/subscription-${topic}.yaml`, settings) as {
          metadata: { name: string };
          scopes: string[];
          spec: { pubsubname: string };
        }[];
        expect(subscriptions.map(({ spec, scopes }) => [spec.pubsubname, scopes])).toEqual(
          components.map(({ metadata, scopes }) => [metadata.name, scopes]),
        );
        expect(new Set(subscriptions.map(({ metadata }) => metadata.name)).size).toBe(subscriptions.length);
        for (const { metadata } of components)
          expect(file('resources/resiliency.yaml', settings)).toHaveProperty(
            ['spec', 'targets', 'components', metadata.name, 'inbound', 'retry'],
            'untilTaken',
          );
      }
  });

  it('lose nothing: from the oldest event on, tried until it is taken, no topic for dead letters, no circuit breaker', () => {
    expect(metadataOf(file('resources/pubsub-rotation-events.yaml'))).toMatchObject({
      initialOffset: 'oldest',
      backOffMaxRetries: '-1',
    });
    expect([...renderDapr().values()].join('\n')).not.toMatch(/deadLetterTopic|circuitBreaker/);
    expect(file('resources/resiliency.yaml')).toMatchObject({
      spec: {
        policies: { retries: { untilTaken: { maxRetries: -1 } } },
        targets: { components: { 'pubsub-rotation-events': { inbound: { retry: 'untilTaken' } } } },
      },
    });
  });

  it('use prefix, login and encryption where they are set, and refer to a store for the password', () => {
    expect(metadataOf(file('resources/pubsub.yaml', STAGING))).toMatchObject({
      brokers: 'a:9093,b:9093',
      authType: 'password',
      saslUsername: 'dsops',
      saslMechanism: 'SHA-512',
      saslPassword: { name: 'kafka-password', key: 'kafka-password' },
      disableTls: 'false',
      caCert: STAGING.kafka.tls?.caCert,
    });
    expect(file('resources/subscription-access-events.yaml', STAGING)).toMatchObject({
      metadata: { namespace: 'dsops' },
      spec: { topic: 'staging-access-events', routes: { default: '/events/access-events' } },
    });
  });
});

describe('who may invoke whom', () => {
  it('is refused unless it is listed', () => {
    for (const service of SERVICES)
      expect(file(`config/${service}.yaml`)).toMatchObject({ spec: { accessControl: { defaultAction: 'deny' } } });
  });

  it('lets the gateway use the operations, and those who hear a service ask it for its events', () => {
    const pathsOf = (name: ServiceName) => callersOf('rotation').find(({ caller }) => caller === name)?.paths;
    expect(pathsOf('audit')).toEqual(['/internal/events/**']);
    expect(pathsOf('gateway')).toEqual(
      expect.arrayContaining(['/rotations/**', '/internal/dead-letters/**', '/health/ready']),
    );
    expect(callersOf('audit').map(({ caller }) => caller)).toEqual(['gateway']);
    const ofGateway = new Map(callersOf('gateway').map(({ caller, paths }) => [caller, paths]));
    for (const hears of ['audit', 'notification', 'gateway'] as const)
      expect(ofGateway.get(hears)).toEqual(['/internal/events/**']);
    expect(ofGateway.has('rotation')).toBe(false);
  });
});

describe('how somebody may ask for what he may invoke', () => {
  it('is by every method', () => {
    for (const service of SERVICES) {
      const { spec } = file(`config/${service}.yaml`) as {
        spec: { accessControl: { policies: { operations: { httpVerb: string[] }[] }[] } };
      };
      for (const { operations } of spec.accessControl.policies)
        for (const { httpVerb } of operations) expect(httpVerb).toEqual(['*']);
    }
  });
});

describe('who may read which secret', () => {
  it('is a table: a service its own password and, where it seals, its own key, and nothing else', () => {
    const keys = { notification: ['service-key-notification'], rotation: ['service-key-rotation'] };
    for (const service of SERVICES)
      expect(scopesOf(file(`config/${service}.yaml`))).toEqual([
        {
          storeName: 'secrets',
          defaultAccess: 'deny',
          allowedSecrets: [`database-password-${service}`, ...((keys as Record<string, string[]>)[service] ?? [])],
        },
      ]);
  });

  it('closes the store that every sidecar in Kubernetes has besides', () => {
    expect(scopesOf(file('config/audit.yaml', STAGING))).toContainEqual({
      storeName: 'kubernetes',
      defaultAccess: 'deny',
    });
  });
});

const scopesOf = (configuration: unknown) =>
  (configuration as { spec: { secrets: { scopes: object[] } } }).spec.secrets.scopes;
