import { homedir } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { DomainError } from '@dsops/kernel';
import { homePaths, type HomePaths } from '@dsops/kernel/home';

export const VERSION = '0.1.0';

export const HELP = `dsops ${VERSION}: rotates credentials without an outage and proves every step

Usage: pnpm start [options]

Starts everything in one process: its own PostgreSQL, the services, the API. The first time it makes a small
sample world and rotates a database login in it, for real. Ctrl-C stops everything.

Options
  --no-sample    start empty, without the sample world
  --port <n>     port of the API; 0 picks a free one (default 4400, or DSOPS_PORT)
  --verbose      the services' log also on standard error, as JSON lines
  --help         this text

Environment
  DSOPS_HOME     folder of the data, the keys and the log, logs/dsops.log (default: the platform's data folder)
  DSOPS_METRICS_PORT
                 port of GET /metrics for Prometheus (default: none)
  DSOPS_ZIPKIN_URL, DSOPS_OTLP_URL
                 collectors that traces are sent to (default: none)
  NO_COLOR       no colours
`;

export interface Config {
  readonly home: HomePaths;
  readonly port: number;
  readonly hasSample: boolean;
  /** The log also goes to standard error. */
  readonly isVerbose: boolean;
  readonly wantsHelp: boolean;
  /** Port of `/metrics`; 0: none. */
  readonly metricsPort: number;
  readonly telemetry: { readonly zipkinUrl: string | undefined; readonly otlpUrl: string | undefined };
}

const portSchema = z.coerce.number().int().min(0).max(65535);

/**
 * What this process was asked for.
 * @throws DomainError `usage`: an option that is not known, or a port that is none.
 */
export function readConfig(args: readonly string[], env: NodeJS.ProcessEnv): Config {
  const options = parse(args);
  const port = portSchema.safeParse(options.port ?? env.DSOPS_PORT ?? 4400);
  if (!port.success) throw usage('The port must be a number from 0 to 65535.');
  const metricsPort = portSchema.safeParse(env.DSOPS_METRICS_PORT || 0);
  if (!metricsPort.success) throw usage('DSOPS_METRICS_PORT must be a number from 0 to 65535.');
  return {
    home: homePaths({ platform: process.platform, env, userFolder: homedir() }),
    port: port.data,
    hasSample: options['no-sample'] !== true,
    isVerbose: options.verbose === true,
    wantsHelp: options.help === true,
    metricsPort: metricsPort.data,
    telemetry: { zipkinUrl: readUrl(env, 'DSOPS_ZIPKIN_URL'), otlpUrl: readUrl(env, 'DSOPS_OTLP_URL') },
  };
}

function readUrl(env: NodeJS.ProcessEnv, name: string): string | undefined {
  if (!env[name]) return undefined;
  if (!z.url({ protocol: /^https?$/ }).safeParse(env[name]).success) throw usage(`${name} is no URL of a collector.`);
  return env[name];
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'no-sample': { type: 'boolean' },
        port: { type: 'string' },
        verbose: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw usage(error instanceof Error ? error.message.split('. ')[0]! : 'The options cannot be read.');
  }
}

const usage = (message: string) =>
  new DomainError('usage', 'invalid', `${message.replace(/\.$/, '')}.`, { remedy: 'See: pnpm start --help' });
