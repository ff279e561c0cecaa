import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DomainError } from '@dsops/kernel';
import { KAFKA_JARS } from './kafka-jars.js';
import { MAVEN, require } from './requirements.js';
import { mustRun } from './run-command.js';

export const KAFKA_VERSION = '4.2.0';
export const ZIPKIN_VERSION = '3.6.1';
export const ZIPKIN_JAR = `zipkin-server-${ZIPKIN_VERSION}-exec.jar`;

const LOG4J_VERSION = '2.25.3';
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
const ZIPKIN_SHA256 = 'd8326e0ed4f43855dba81228f688554706e52578a7c782d9a90b73f8680654a1';
/** Batch mode without progress bars; a download that does not match the repository's own checksum fails. */
const QUIET = ['--batch-mode', '--no-transfer-progress', '--strict-checksums'];

const dependency = (group: string, artifact: string, version: string) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;

const withSignal = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });

/** Kafka's own jars need a logging binding, which its distribution adds and its dependencies do not name. */
const POM = `<project>
  <modelVersion>4.0.0</modelVersion><groupId>dsops</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', KAFKA_VERSION)}
    ${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', LOG4J_VERSION)}
    ${dependency('org.apache.logging.log4j', 'log4j-core', LOG4J_VERSION)}
  </dependencies>
</project>
`;

/** Fetches the jars of Kafka into `libs/` below the folder. */
export async function fetchKafka(folder: string, signal?: AbortSignal): Promise<void> {
  const maven = await require(MAVEN);
  const pom = join(folder, 'pom.xml');
  const libs = join(folder, 'libs');
  await writeFile(pom, POM);
  await mustRun(
    "Fetching Kafka's jars",
    maven,
    [...QUIET, '-f', pom, `${PLUGIN}:copy-dependencies`, `-DoutputDirectory=${libs}`],
    withSignal(signal),
  );
  await verifyJars(libs, KAFKA_JARS);
  await rm(pom);
}

/** Fetches Zipkin's server, one jar, into the folder. */
export async function fetchZipkin(folder: string, signal?: AbortSignal): Promise<void> {
  const maven = await require(MAVEN);
  const artifact = `io.zipkin:zipkin-server:${ZIPKIN_VERSION}:jar:exec`;
  await mustRun(
    'Fetching Zipkin',
    maven,
    [...QUIET, `${PLUGIN}:copy`, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`],
    { cwd: folder, ...withSignal(signal) },
  );
  await verifyJars(folder, { [ZIPKIN_JAR]: ZIPKIN_SHA256 });
}

/**
 * Compares what lies in a folder with what must lie there.
 * @param expected SHA-256 in hexadecimal by file name
 * @throws DomainError `checksum_mismatch`: a jar is another one, is missing, or is one too many
 */
export async function verifyJars(folder: string, expected: Readonly<Record<string, string>>): Promise<void> {
  const found = (await readdir(folder)).filter((name) => name.endsWith('.jar'));
  const missing = Object.keys(expected).filter((name) => !found.includes(name));
  const unexpected = found.filter((name) => expected[name] === undefined);
  const changed: string[] = [];
  for (const name of found) {
    const sha256 = expected[name];
    if (sha256 !== undefined && (await sha256Of(join(folder, name))) !== sha256) changed.push(name);
  }
  const complaints = [
    ...missing.map((name) => `${name} is missing`),
    ...unexpected.map((name) => `${name} is not expected`),
    ...changed.map((name) => `${name} is not the file that was reviewed`),
  ];
  if (complaints.length === 0) return;
  throw new DomainError(
    'checksum_mismatch',
    'refused',
    `What Maven delivered is not what dsops expects: ${complaints.join('; ')}.`,
    {
      remedy:
        'Nothing was installed. Look at the mirror that Maven uses (~/.m2/settings.xml), empty its cache for these files, and start again.',
    },
  );
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
