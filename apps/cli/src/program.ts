import { existsSync } from 'node:fs';
import { Command, Help, Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { usageError } from './failure.js';
import type { Io } from './io.js';
import type { Act, GlobalOptions, Session } from './session.js';

export interface Program {
  readonly command: CommandUnknownOpts;
  exitCode(): number;
}

/** What registers each group of commands, a line each, in the order of the help. */
const COMMANDS = await Promise.all([
  import('./service/commands.js'),
  import('./rotation/commands.js'),
  import('./secret/commands.js'),
  import('./inbox/commands.js'),
  import('./audit/commands.js'),
  import('./dead-letters/commands.js'),
  import('./keys/commands.js'),
  import('./broker/topics.js'),
  import('./broker/lag.js'),
  import('./installation/commands.js'),
  import('./doctor/commands.js'),
  import('./rotation/older-names.js'),
  import('./completion/commands.js'),
]);

const EXAMPLES = `
Examples:
  dsops service list                             what dsops looks after
  dsops rotation status                          where each service stands
  dsops rotation plan payments-db                what a rotation would do
  dsops rotation rotate payments-db              do it, and watch each step
  dsops secret get payments-db | pbcopy          the password in use, audited
  dsops doctor                                   is everything well?

dsops is found by --url, DSOPS_URL, or the file that a server on this machine leaves.
Exit codes: 0 ok, 1 general, 2 usage, 3 target or store, 4 unknown name, 5 rotation, 6 validation.`;

const GLOBAL_OPTIONS = '\nGlobal options: --url --config --no-color --debug --non-interactive (see dsops --help)';

export function buildProgram(io: Io, openSession: (options: GlobalOptions) => Session): Program {
  let exitCode = 0;
  const program = new Command('dsops')
    .description('Rotates credentials without an outage, proves each step, and never loses one.')
    .option('--url <address>', 'address of the dsops server (DSOPS_URL)')
    .option('--config <file>', 'dsops.yaml, for commands that read it')
    .option('--no-color', 'no colour (NO_COLOR, DSOPS_NO_COLOR)')
    .option('--debug', 'show requests and the causes of errors (DSOPS_DEBUG)', false)
    .option('--non-interactive', 'never ask; what would need an answer is refused', false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      // Errors are worded in one place, where nothing that was typed is repeated.
      outputError: () => undefined,
      getOutHelpWidth: () => Math.min(io.stdout.columns ?? 80, 100),
      getErrHelpWidth: () => Math.min(io.stderr.columns ?? 80, 100),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({
      // Each command's own options only; the footer points to the global ones. Switches are off unless given.
      optionDescription: (option) =>
        option.defaultValue === false ? option.description : new Help().optionDescription(option),
      visibleOptions(command) {
        const options = [
          ...command.options.filter((option) => !option.hidden),
          new Option('-h, --help', 'show this help'),
        ];
        return command.parent ? options : [...options, new Option('--version', 'show the version of this command')];
      },
    })
    .helpCommand('help [command]', 'show help for a command')
    .addHelpText('after', EXAMPLES)
    .addHelpText('afterAll', ({ command }) => (command.parent ? GLOBAL_OPTIONS : ''));

  const act: Act = async (command, work) => {
    const options = globalsOf(command);
    const session = openSession(options);
    if (options.config !== undefined) noteConfig(session, options.config);
    exitCode = (await work(session)) ?? 0;
  };

  for (const { register } of COMMANDS) register(program, act);
  return { command: program, exitCode: () => exitCode };
}

function globalsOf(command: CommandUnknownOpts): GlobalOptions {
  const { url, config, color, debug, nonInteractive } = command.optsWithGlobals();
  return {
    ...(typeof url === 'string' ? { url } : {}),
    ...(typeof config === 'string' ? { config } : {}),
    color: color !== false,
    debug: debug === true,
    nonInteractive: nonInteractive === true,
  };
}

/** Scripts written for the older command pass --config everywhere. They go on working, and are told the truth. */
function noteConfig({ err }: Session, file: string): void {
  if (!existsSync(file))
    throw usageError('The file given with --config does not exist.', 'Check its path, or leave it out.');
  err.line(err.paint.dim('Note: this command talks to the server and does not read the file given with --config.'));
}
