import kafkajs, { type Admin, type KafkaJSError as KafkaError } from 'kafkajs';
import { DomainError, unwrapSecret, type Secret } from '@dsops/kernel';

// A CommonJS package whose names Node does not see from outside.
const { Kafka, KafkaJSError, logLevel } = kafkajs;

export interface KafkaLogin {
  readonly username: string;
  readonly password: Secret;
  /** `scram-sha-256` unless said. */
  readonly mechanism?: 'scram-sha-256' | 'scram-sha-512';
}

/** How clients reach a Kafka. */
export interface KafkaAddress {
  /** `host:port` of each broker. */
  readonly brokers: readonly string[];
  /** SASL/SCRAM. Absent: anybody may. */
  readonly sasl?: KafkaLogin;
  /** TLS, trusting the system's authorities. */
  readonly tls?: boolean;
  /** The certificate to trust, PEM; brings TLS with it. */
  readonly caCertificate?: string;
  /** How often a request is tried again, each time after twice the wait, the first after 0.3 s; 5 times unless said. */
  readonly retries?: number;
}

/** kafkajs 2.2.4 sets timers of negative length, of which Node 24 warns on standard error: nobody can do anything about it. */
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
process.emitWarning = (...args: unknown[]) => {
  if (args[1] !== 'TimeoutNegativeWarning') emitWarning(...args);
};

/**
 * Does some work as an administrator of the brokers.
 * @throws DomainError `kafka_unreachable`, `kafka_login_refused`, and whatever the work throws
 */
export async function withAdmin<R>(kafka: KafkaAddress, work: (admin: Admin) => Promise<R>): Promise<R> {
  const { brokers, sasl, tls, caCertificate, retries = 5 } = kafka;
  const admin = new Kafka({
    clientId: 'dsops',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries },
    ...(caCertificate === undefined ? { ssl: tls ?? false } : { ssl: { ca: [caCertificate] } }),
    ...(sasl && {
      sasl: {
        mechanism: sasl.mechanism ?? 'scram-sha-256',
        username: sasl.username,
        password: unwrapSecret(sasl.password),
      } as never,
    }),
  }).admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw error instanceof KafkaJSError ? unreachable(kafka, error) : error;
  } finally {
    // Its connections poll every millisecond while they are idle.
    await admin.disconnect().catch(() => undefined);
  }
}

function unreachable(kafka: KafkaAddress, cause: KafkaError): DomainError {
  const brokers = kafka.brokers.join(', ');
  if (/SASL|authenticat/i.test(`${cause.name} ${cause.message}`))
    return new DomainError(
      'kafka_login_refused',
      'unavailable',
      `Kafka at ${brokers} refused the login.`,
      { remedy: 'Look at its user name and password.' },
      { cause },
    );
  const isAway = /Connection|ECONN|ENOTFOUND|timed? ?out/i.test(`${cause.name} ${cause.message}`);
  return new DomainError(
    'kafka_unreachable',
    'unavailable',
    `Kafka at ${brokers} ${isAway ? 'does not answer' : 'did not do what it was asked'}.`,
    { remedy: 'See whether it runs, and what its log says.' },
    { cause },
  );
}
