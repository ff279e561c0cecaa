/** What a Kafka of one node is told. */
export interface KafkaSettings {
  readonly port: number;
  readonly controllerPort: number;
  /** Where the records lie, absolute. */
  readonly logDir: string;
  /** SCRAM-SHA-256: clients have to log in. */
  readonly sasl?: { readonly username: string; readonly password: string };
  /** A PKCS #12 file with the server's key. Clients have to speak TLS. */
  readonly keystore?: { readonly file: string; readonly password: string };
}

const SCRAM = 'SCRAM-SHA-256';

/** `server.properties` of a broker that is its own controller, listening on 127.0.0.1 only. It may hold a password. */
export function kafkaProperties(settings: KafkaSettings): string {
  const { port, controllerPort, logDir, sasl, keystore } = settings;
  const protocol = `${sasl === undefined ? '' : 'SASL_'}${keystore === undefined ? (sasl === undefined ? 'PLAINTEXT' : 'PLAINTEXT') : 'SSL'}`;
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENT',
    'listener.security.protocol.map': `CLIENT:${protocol},CONTROLLER:PLAINTEXT`,
    'log.dirs': posixPath(logDir),
    // One node has nobody to copy to.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 12,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // Topics are provisioned, with the number of partitions that keeps each key's order.
    'auto.create.topics.enable': false,
    'controlled.shutdown.enable': true,
    ...(sasl === undefined
      ? {}
      : {
          'sasl.enabled.mechanisms': SCRAM,
          'sasl.mechanism.inter.broker.protocol': SCRAM,
          'listener.name.client.scram-sha-256.sasl.jaas.config': `org.apache.kafka.common.security.scram.ScramLoginModule required username="${sasl.username}" password="${sasl.password}";`,
        }),
    ...(keystore === undefined
      ? {}
      : {
          'ssl.keystore.type': 'PKCS12',
          'ssl.keystore.location': posixPath(keystore.file),
          'ssl.keystore.password': keystore.password,
          'ssl.truststore.type': 'PKCS12',
          'ssl.truststore.location': posixPath(keystore.file),
          'ssl.truststore.password': keystore.password,
        }),
  };
  return `${Object.entries(properties)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}

/** A backslash would be an escape in a file of properties; Java takes slashes on every platform. */
const posixPath = (path: string): string => path.replaceAll('\\', '/');

/** Warnings and errors, and of the rest what says that the server is up. To standard output, as every server here. */
export const KAFKA_LOG4J = `status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5p %m (%c{1})%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.up.name = kafka.server.KafkaRaftServer
logger.up.level = info
logger.groups.name = org.apache.kafka.coordinator.group
logger.groups.level = info
`;
