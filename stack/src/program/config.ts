import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { DomainError } from '@dsops/kernel';
import { homePaths } from '@dsops/kernel/home';
import { stackHome } from './stack-home.js';

export const VERSION = '0.1.0';

export const HELP = `Usage: pnpm stack COMMAND [options]

Runs dsops as it runs in production, on this machine and without containers: each service as a process of its own with
its own Dapr sidecar, events through Kafka, traces in Zipkin. Everything listens on 127.0.0.1, on ports that are free, but for
the health ports of Dapr's sentry and scheduler, which listen on all addresses and say "ok".

Commands
  up             start everything and stay; Ctrl-C stops everything in order
  down           stop what \`up\` has started, from any terminal
  status         what runs, where, and what ended and why; exit code 0 when all of it is up
  logs [PART]    the end of each log, or of one part's: kafka, rotation, rotation-daprd, …
  demo           rotate a sample login while an independent client keeps logging in, and show the trace; where nothing
                 runs, it starts everything first and leaves it running

Options
  --home FOLDER  folder of data, keys and logs (default: stack, below the folder of dsops' data)
  --detach       up: leave it running in the background
  --port N       up: port of the API; 0, the default, takes the last one again, or a free one
  --follow, -f   logs: go on as more is written
  --lines N      logs: how many lines of each (20)
  --json         status: as JSON
  --help, -h     this text

Needed on the machine: Go, Java 17 and Maven. The first time, Kafka, Zipkin and Dapr are fetched and built into your
cache folder, which takes five to ten minutes; DSOPS_TOOLS_HOME chooses another folder for them.

Two stacks run side by side when each has its own --home.
`;

export const COMMANDS = ['up', 'down', 'status', 'logs', 'demo'] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Config {
  /** Undefined: help was asked for. */
  readonly command: CommandName | undefined;
  /** Folder of this stack, absolute. */
  readonly home: string;
  /** What another command needs to find this stack: empty, or ` --home FOLDER`. */
  readonly homeOption: string;
  readonly isDetached: boolean;
  /** 0: the port of the last time, or a free one. */
  readonly port: number;
  /** The part of `logs`. */
  readonly part: string | undefined;
  readonly follows: boolean;
  readonly lines: number;
  readonly asJson: boolean;
  /** This process is the one that `up --detach` has left behind. */
  readonly isWatcher: boolean;
  /** The environment, for the process that `up --detach` leaves behind. */
  readonly env: NodeJS.ProcessEnv;
}

const portSchema = z.coerce.number().int().min(0).max(65_535);
const linesSchema = z.coerce.number().int().min(1).max(10_000);

/**
 * What this process was asked for.
 * @param isStack has a stack run in this folder?
 * @throws DomainError `usage`
 */
export function readConfig(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  isStack: (folder: string) => boolean = (folder) => existsSync(stackHome(folder).portsFile),
): Config {
  const { values, positionals } = parse(args);
  const [name, part, ...rest] = positionals;
  const command = COMMANDS.find((known) => known === name);
  const wantsHelp = values.help === true || name === undefined || name === 'help';
  if (!wantsHelp && command === undefined) throw usage(`There is no command "${name}".`);
  if (rest.length > 0 || (part !== undefined && command !== 'logs' && !wantsHelp))
    throw usage(`"${rest[0] ?? part}" is one word too many.`);
  const port = portSchema.safeParse(values.port ?? 0);
  if (!port.success) throw usage('The port must be a number from 0 to 65535.');
  const lines = linesSchema.safeParse(values.lines ?? 20);
  if (!lines.success) throw usage('--lines takes a number from 1 to 10000.');
  const { folder } = homePaths({ platform: process.platform, env, userFolder: homedir() });
  // Whoever works with a stack has DSOPS_HOME name it, for the command line: then it is meant, and no stack below it.
  const usualHome = isStack(folder) ? folder : join(folder, 'stack');
  // INIT_CWD is where the person was when pnpm changed to the workspace.
  const home = values.home === undefined ? usualHome : resolve(env.INIT_CWD ?? '.', values.home);
  return {
    command: wantsHelp ? undefined : command,
    home,
    homeOption: home === usualHome ? '' : ` --home ${home}`,
    isDetached: values.detach === true,
    port: port.data,
    part,
    follows: values.follow === true,
    lines: lines.data,
    asJson: values.json === true,
    isWatcher: env.DSOPS_STACK_WATCHER === '1',
    env,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        home: { type: 'string' },
        detach: { type: 'boolean', short: 'd' },
        port: { type: 'string' },
        follow: { type: 'boolean', short: 'f' },
        lines: { type: 'string', short: 'n' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw usage((error as Error).message.split('. ')[0]!);
  }
}

const usage = (message: string) =>
  new DomainError('usage', 'invalid', `${message.replace(/\.$/, '')}.`, { remedy: 'See: pnpm stack --help' });
