import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KafkaAddress, KafkaLogin } from '@dsops/broker';
import { DomainError, unwrapSecret } from '@dsops/kernel';
import { runCommand } from '../tools/run-command.js';
import type { Tools } from '../tools/ensure-tools.js';
import { KAFKA_LOG4J, kafkaProperties } from './kafka-properties.js';
import { makeKeystore, type Keystore } from './kafka-keystore.js';
import { freePorts } from './ports.js';
import { startServer, type LifeOptions, type RunningServer } from './server-process.js';
import { causeIn } from './why-it-ended.js';

export interface KafkaServer extends RunningServer, KafkaAddress {
  readonly port: number;
}

export interface KafkaOptions extends LifeOptions {
  readonly tools: Pick<Tools, 'kafka'>;
  /** Records, settings and keys lie here. Made when it does not exist; a later start goes on with what is there. */
  readonly dataDir: string;
  /** A free one unless given. */
  readonly port?: number;
  /** Clients have to log in with this. It is written when the data is made: later starts take the same. */
  readonly sasl?: KafkaLogin;
  /** Clients have to speak TLS; a certificate for 127.0.0.1 and localhost is made with Java's keytool. */
  readonly tls?: boolean;
}

/**
 * Starts a Kafka of one node (KRaft) on 127.0.0.1, 4 to 8 seconds. Topics are made by `applyTopics` of @dsops/broker only.
 * @throws DomainError `port_taken`, `disk_full`, `data_folder_locked`, `java_too_old`, `server_start_failed`, …
 */
export async function startKafka(options: KafkaOptions): Promise<KafkaServer> {
  const { tools, dataDir, sasl } = options;
  const [spare, controllerPort] = await freePorts(2);
  const port = options.port ?? spare!;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const keystore = options.tls === true ? await makeKeystore(dataDir, tools.kafka.java) : undefined;
  const files = { properties: join(dataDir, 'server.properties'), log4j: join(dataDir, 'log4j2.properties') };
  const logDir = join(dataDir, 'records');
  await writeFile(files.properties, properties({ port, controllerPort: controllerPort!, logDir, sasl, keystore }), {
    mode: 0o600,
  });
  await writeFile(files.log4j, KAFKA_LOG4J);
  const java = ['-cp', join(tools.kafka.libs, '*'), `-Dlog4j2.configurationFile=${files.log4j}`];
  if (!existsSync(join(logDir, 'meta.properties')))
    await format(tools.kafka.java, java, files.properties, dataDir, sasl);

  const server = await startServer({
    ...options,
    name: 'Kafka',
    command: tools.kafka.java,
    // The limits of memory are those of a development machine; the first only shortens the start.
    args: ['-XX:TieredStopAtLevel=4', '-Xms128m', '-Xmx512m', ...java, 'kafka.Kafka', files.properties],
    isReady: (log) => log.tail().includes('Kafka Server started'),
  });
  return {
    ...server,
    port,
    brokers: [`127.0.0.1:${port}`],
    ...(sasl === undefined ? {} : { sasl }),
    ...(keystore === undefined ? {} : { caCertificate: keystore.certificate }),
  };
}

function properties(from: {
  port: number;
  controllerPort: number;
  logDir: string;
  sasl: KafkaLogin | undefined;
  keystore: Keystore | undefined;
}): string {
  const { sasl, keystore, ...rest } = from;
  return kafkaProperties({
    ...rest,
    ...(sasl === undefined ? {} : { sasl: { username: sasl.username, password: unwrapSecret(sasl.password) } }),
    ...(keystore === undefined ? {} : { keystore }),
  });
}

/** Gives the data folder its identity and its first login. Done once. */
async function format(
  java: string,
  javaArgs: readonly string[],
  propertiesFile: string,
  dataDir: string,
  sasl: KafkaLogin | undefined,
): Promise<void> {
  const args = ['format', '-t', clusterId(), '-c', propertiesFile];
  // Its arguments can come from a file: there nobody sees the password in the list of processes.
  const argsFile = join(dataDir, 'format.args');
  const login =
    sasl === undefined
      ? []
      : ['--add-scram', `SCRAM-SHA-256=[name=${sasl.username},password=${unwrapSecret(sasl.password)}]`];
  await writeFile(argsFile, [...args, ...login].join('\n'), { mode: 0o600 });
  const result = await runCommand(java, [...javaArgs, 'kafka.tools.StorageTool', `@${argsFile}`]);
  await writeFile(argsFile, '');
  if (result?.code === 0) return;
  const lines = (result?.tail ?? 'there is no Java').trim().split(/\r?\n/);
  const cause = causeIn(lines);
  throw new DomainError(
    cause?.code ?? 'server_start_failed',
    'unavailable',
    `Kafka could not make its data folder: ${cause?.says ?? lines.at(-1)}.`,
    { remedy: cause?.remedy ?? `Look at ${dataDir}.`, lastLines: lines.slice(-12) },
  );
}

/** 16 random bytes in the base64 of URLs; Kafka takes one that begins with a dash for an option. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
}
