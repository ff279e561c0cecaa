import { stringify } from 'yaml';
import { HEADER, LOCAL_DAPR, renderDapr } from './dapr.js';

/** Where sidecars of compose.yaml find each other: the containers are called as the app ids. */
const INTERNAL_PORT = 50_002;
const ZIPKIN_URL = 'http://zipkin:9411/api/v2/spans';

/**
 * What compose.yaml mounts over, or beside, the files of one machine, because containers have names as addresses; by
 * path below `dapr/`. All else is the same.
 */
export function renderCompose(): Map<string, string> {
  const settings = { ...LOCAL_DAPR, kafka: { brokers: 'redpanda:9092' } };
  const pubsubs = [...renderDapr(settings)].filter(([path]) => path.startsWith('resources/pubsub'));
  return new Map([
    ...pubsubs.map(([path, text]) => [path.replace('resources', 'compose'), text] as const),
    [
      'compose/addresses.yaml',
      configuration('addresses', {
        tracing: { samplingRate: '1', zipkin: { endpointAddress: ZIPKIN_URL } },
        nameResolution: { component: 'nameformat', configuration: { format: `{appid}:${INTERNAL_PORT}` } },
      }),
    ],
    [
      'compose/sentry.yaml',
      configuration('sentry', { mtls: { enabled: true, workloadCertTTL: '24h', allowedClockSkew: '15m' } }),
    ],
  ]);
}

const configuration = (name: string, spec: object): string =>
  HEADER + stringify({ apiVersion: 'dapr.io/v1alpha1', kind: 'Configuration', metadata: { name }, spec });
