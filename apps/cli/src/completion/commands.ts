import { Argument, type CommandUnknownOpts, type Option } from '@commander-js/extra-typings';
import { listEnvironments, listServices } from '@dsops/contracts/rotation/api';
import { completionScript, SHELLS } from './words.js';
import type { Act, Session } from '../session.js';
import { examples } from '../options.js';

/** Names from the server are worth a short wait only: the person is in the middle of a word. */
const NAMES_TIMEOUT_MS = 1_000;

export function register(program: CommandUnknownOpts, act: Act): void {
  const command = program
    .command('completion')
    .description('a script that completes commands, options and services in your shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        ['eval "$(dsops completion bash)"', 'in ~/.bashrc; the same for zsh'],
        ['dsops completion fish | source', 'in ~/.config/fish/config.fish'],
        ['dsops completion powershell | Out-String | Invoke-Expression', 'in your $PROFILE'],
      ),
    );
  command.action((shell) =>
    act(command, ({ out }) => {
      out.write(completionScript(shell));
      return Promise.resolve();
    }),
  );

  // What the scripts call: the words so far, the last one still being typed.
  const complete = program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false);
  complete.action((words) =>
    act(complete, async (session) => {
      const candidates = await completionsFor(program, words, namesOf(session));
      if (candidates.length > 0) session.out.line(candidates.join('\n'));
    }),
  );
}

interface Names {
  readonly services: () => Promise<readonly string[]>;
  readonly environments: () => Promise<readonly string[]>;
}

/** What may follow: commands, options, choices of an option, or names of services. */
export async function completionsFor(
  program: CommandUnknownOpts,
  words: readonly string[],
  names: Names,
): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = descend(program, before);
  const candidates = await candidatesFor();
  return [...new Set(candidates)].filter((word) => word.startsWith(typed)).sort();

  async function candidatesFor(): Promise<readonly string[]> {
    const pending = optionsOf(command).find((option) => takesValue(option) && isNamed(option, before.at(-1)));
    if (pending?.argChoices) return pending.argChoices;
    if (pending?.long === '--service' || pending?.long === '--key') return names.services();
    if (pending?.long === '--env') return names.environments();
    if (pending) return [];
    if (typed.startsWith('-')) return [...optionsOf(command).flatMap(({ long }) => long ?? []), '--help'];
    const subcommands = command
      .createHelp()
      .visibleCommands(command)
      .map((child) => child.name());
    if (subcommands.length > 0) return subcommands;
    const [argument] = command.registeredArguments;
    if (argument?.argChoices) return argument.argChoices;
    return argument && /service|rotation/.test(argument.name()) ? names.services() : [];
  }
}

/** The command that the words lead to; options and their values are stepped over. */
function descend(program: CommandUnknownOpts, words: readonly string[]): CommandUnknownOpts {
  let command = program;
  let isValue = false;
  for (const word of words) {
    const option = optionsOf(command).find((candidate) => isNamed(candidate, word));
    if (isValue || word.startsWith('-')) isValue = !isValue && option !== undefined && takesValue(option);
    else command = command.commands.find((child) => child.name() === word || child.aliases().includes(word)) ?? command;
  }
  return command;
}

const isNamed = ({ long, short }: Option, word: string | undefined): boolean =>
  word !== undefined && (word === long || word === short);

const takesValue = (option: Option): boolean => option.required || option.optional;

function optionsOf(command: CommandUnknownOpts): Option[] {
  const own = command.options.filter(({ hidden }) => !hidden);
  return command.parent ? [...own, ...optionsOf(command.parent)] : own;
}

function namesOf(session: Session): Names {
  const namesIn = async (operation: typeof listServices | typeof listEnvironments): Promise<string[]> => {
    try {
      const client = await session.client();
      const found = await client.list(operation, {}, { signal: AbortSignal.timeout(NAMES_TIMEOUT_MS) });
      return found.map(({ name }) => name);
    } catch {
      // A message in the middle of a typed line would be worse than no help.
      return [];
    }
  };
  return { services: () => namesIn(listServices), environments: () => namesIn(listEnvironments) };
}
