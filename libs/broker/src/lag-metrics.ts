import { Metrics, startMetricsServer, type MetricsServer } from '@dsops/platform';
import type { KafkaAddress } from './admin.js';
import { readLag, type PartitionLag, type Listeners } from './lag.js';

/**
 * Serves the lag at `/metrics`, read anew at each scrape. While Kafka does not answer there is no lag to tell, and
 * `dsops_kafka_reachable` is 0.
 * @throws DomainError `port_in_use`
 */
export function serveLag(
  kafka: KafkaAddress,
  wanted: readonly Listeners[],
  address: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const metrics = new Metrics('lag');
  let reading: Promise<PartitionLag[]> | undefined;
  // Both series of one scrape share a reading, which may not last longer than who scrapes waits.
  const read = () => (reading ??= readLag({ ...kafka, retries: 1 }, wanted).finally(() => (reading = undefined)));
  metrics.gauge('dsops_kafka_reachable', 'Does Kafka answer? 1: yes, 0: no', [], () =>
    read().then(
      () => [{ labels: {}, value: 1 }],
      () => [{ labels: {}, value: 0 }],
    ),
  );
  const labels = ['topic', 'group', 'partition'] as const;
  metrics.gauge('dsops_kafka_lag', 'Records that a group has not taken yet', labels, async () =>
    (await read()).map(({ topic, group, partition, lag }) => ({
      labels: { topic, group, partition: String(partition) },
      value: lag,
    })),
  );
  return startMetricsServer([metrics], address);
}
