import { readFile } from 'node:fs/promises';
import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { KafkaAddress } from '@dsops/broker';
import { usageError } from '../failure.js';
import { readPassword } from '../input/password.js';
import type { Session } from '../session.js';
import { formatOption } from '../options.js';

const brokersOption = () =>
  new Option('--brokers <list>', 'host:port of each broker, with commas')
    .env('DSOPS_KAFKA_BROKERS')
    .makeOptionMandatory();
const prefixOption = () =>
  new Option('--prefix <text>', 'what stands before each topic in this environment, such as staging-')
    .env('DSOPS_TOPIC_PREFIX')
    .default('');
const userOption = () => new Option('--user <name>', 'user of SASL/SCRAM').env('DSOPS_KAFKA_USER');
const mechanismOption = () =>
  new Option('--mechanism <name>', 'of SASL')
    .choices(['scram-sha-256', 'scram-sha-512'])
    .default('scram-sha-256' as const);
const userPasswordOption = () => new Option('--password-file <file>', 'its password, in a file');
const tlsOption = () => new Option('--tls', 'speak TLS').default(false);
const caOption = () => new Option('--ca-file <file>', 'the certificate to trust, PEM; brings TLS with it');

/** A command that speaks to Kafka itself, with the options by which it reaches it. */
export const brokerCommand = (parent: CommandUnknownOpts, name: string) =>
  parent
    .command(name)
    .addOption(brokersOption())
    .addOption(prefixOption())
    .addOption(userOption())
    .addOption(userPasswordOption())
    .addOption(mechanismOption())
    .addOption(tlsOption())
    .addOption(caOption())
    .addOption(formatOption());

export interface BrokerOptions {
  readonly brokers: string;
  readonly user?: string | undefined;
  readonly mechanism: 'scram-sha-256' | 'scram-sha-512';
  readonly passwordFile?: string | undefined;
  readonly tls: boolean;
  readonly caFile?: string | undefined;
}

/** @throws DomainError of usage: no broker, a file that cannot be read, a password without a user */
export async function addressOf(session: Session, options: BrokerOptions): Promise<KafkaAddress> {
  const brokers = options.brokers
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
  const wrong = brokers.find((one) => !/^[^\s:]+:\d{1,5}$/.test(one));
  if (brokers.length === 0 || wrong !== undefined)
    throw usageError('--brokers names no broker.', 'Write each as host:port, such as kafka-1:9092,kafka-2:9092.');
  if (options.user === undefined && options.passwordFile !== undefined)
    throw usageError('A password is given, and no user.', 'Say whose it is with --user.');
  const { user, mechanism, caFile, tls } = options;
  const sasl =
    user === undefined
      ? undefined
      : {
          username: user,
          mechanism,
          password: await readPassword(session, { option: 'password', whose: user, file: options.passwordFile }),
        };
  return {
    brokers,
    tls,
    ...(sasl && { sasl }),
    ...(caFile !== undefined && { caCertificate: await certificateIn(caFile) }),
  };
}

async function certificateIn(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw usageError(
    'The file given with --ca-file holds no certificate that can be read.',
    'It has to be PEM, with -----BEGIN CERTIFICATE-----.',
  );
}
