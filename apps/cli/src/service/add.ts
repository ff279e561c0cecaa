import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { addService, type ServiceView } from '@dsops/contracts/rotation/api';
import { CONSUMERS, type Consumers } from '@dsops/contracts/rotation/consumer-kinds';
import type { Strategy } from '@dsops/contracts/rotation/strategies';
import { declarationOf, declarations, type TargetKind } from '@dsops/contracts/rotation/targets/declarations';
import type { TargetDeclaration } from '@dsops/contracts/rotation/targets/define-target';
import { unwrapSecret } from '@dsops/kernel';
import { usageError } from '../failure.js';
import { readPassword } from '../input/password.js';
import { chooseEnvironment } from '../input/place.js';
import { print, type Format } from '../output/format.js';
import { serviceBlock } from './words.js';
import type { Act, Session } from '../session.js';
import { envOption, examples, formatOption } from '../options.js';
import { addTargetFlags, readTarget } from './target-flags.js';
import { readStrategy } from '../input/strategy.js';

export function registerAdd(parent: CommandUnknownOpts, act: Act): void {
  const command = targetCommand(parent, 'add', 'look after a login that dsops fills').addHelpText(
    'after',
    examples(
      ['dsops service add payments-db --env production --host db.example.com --database payments \\', ''],
      ['  --admin-user dsops_admin --slot payments_a --slot payments_b --owner payments', 'two logins that alternate'],
    ),
  );
  command.action((name, options) => act(command, (session) => add(session, name, options)));
}

export function registerImport(parent: CommandUnknownOpts, act: Act): void {
  const command = targetCommand(parent, 'import', 'take over the login in use, after trying it; nothing is rotated')
    .option('--user <login>', 'the login in use (default: the first slot)')
    .option('--password-file <file>', 'its password, in a file')
    .option('--password-stdin', 'its password, on standard input')
    .addHelpText(
      'after',
      examples(
        ['dsops service import payments-db --env production --host db.example.com --database payments \\', ''],
        [
          '  --admin-user dsops_admin --admin-password-file admin.txt --slot app --password-stdin',
          'one login, kept as it is',
        ],
      ),
    );
  command.action((name, options) =>
    act(command, (session) => {
      if (options.passwordStdin && options.adminPasswordStdin)
        throw usageError(
          'Both passwords cannot come from standard input.',
          'Give one of them by file: --password-file or --admin-password-file.',
        );
      return add(session, name, options, {
        username: options.user,
        file: options.passwordFile,
        stdin: options.passwordStdin,
      });
    }),
  );
}

function targetCommand(parent: CommandUnknownOpts, name: string, description: string) {
  const command = parent
    .command(name)
    .description(description)
    .argument('<name>', 'how people will call it')
    .addOption(envOption())
    .addOption(
      new Option('--type <type>', 'kind of target').choices([...declarations.keys()]).default('postgresql' as const),
    )
    .option('--admin-user <login>', 'the login that administers the target')
    .option('--admin-password-file <file>', 'its password, in a file')
    .option('--admin-password-stdin', 'its password, on standard input')
    .option('--credential <name>', 'name of the credential (default: login)')
    .option('--strategy <strategy>', 'immediate or two-key (default: by the number of slots)', readStrategy)
    .addOption(
      new Option('--consumers <which>', 'managed: all who use it check it out; unmanaged: dsops may not see them all')
        .choices(CONSUMERS)
        .default('unmanaged' as const),
    )
    .option('--grace-period <duration>', 'how long the old value stays valid, at most 90d (default: 1h, managed: 0s)')
    .option('--max-grace <duration>', 'when to ask again whether nobody uses the old value (default: 7d)')
    .option('--retire-when-quiet-for <duration>', 'end the old value unasked when nobody was seen with it for so long')
    .option('--verify-timeout <duration>', 'how long that may take (default: 30s)')
    .option('--no-automatic-rollback', 'stop for a person instead of rolling back')
    .addOption(formatOption());
  addTargetFlags(command);
  return command;
}

interface AddOptions {
  readonly env?: string | undefined;
  readonly type: TargetKind;
  readonly adminUser?: string | undefined;
  readonly adminPasswordFile?: string | undefined;
  readonly adminPasswordStdin?: true | undefined;
  readonly credential?: string | undefined;
  readonly strategy?: Strategy | undefined;
  readonly consumers: Consumers;
  readonly gracePeriod?: string | undefined;
  readonly maxGrace?: string | undefined;
  readonly retireWhenQuietFor?: string | undefined;
  readonly verifyTimeout?: string | undefined;
  readonly automaticRollback: boolean;
  readonly format: Format;
}

interface CurrentLogin {
  readonly username: string | undefined;
  readonly file?: string | undefined;
  readonly stdin?: boolean | undefined;
}

async function add(session: Session, name: string, options: AddOptions, current?: CurrentLogin): Promise<void> {
  const kind = declarationOf(options.type);
  const { target, settings, check } = readTarget(options.type, { ...options });
  const slots = kind.slots(kind.settings.parse(settings));
  const client = await session.client();
  const environment = await chooseEnvironment(session, client, options.env);
  const admin = await readAdmin(session, kind, options);
  const username = current && (current.username ?? slots[0]?.login ?? '');
  const inUse = current &&
    username !== undefined && {
      username,
      password: await readPassword(session, {
        option: 'password',
        whose: username,
        file: current.file,
        stdin: current.stdin,
      }),
    };
  const verification = {
    ...check,
    ...(options.verifyTimeout !== undefined && { timeout: options.verifyTimeout }),
  };
  const service: ServiceView = await client.call(addService, {
    body: {
      name,
      environment,
      type: options.type,
      target,
      ...(admin && { admin: { username: admin.username, password: unwrapSecret(admin.password) } }),
      credential: {
        ...settings,
        ...(options.credential !== undefined && { name: options.credential }),
        strategy: options.strategy ?? (slots.length === 2 ? 'two-key' : 'immediate'),
        consumers: options.consumers,
        ...(options.gracePeriod !== undefined && { gracePeriod: options.gracePeriod }),
        ...(options.maxGrace !== undefined && { maxGrace: options.maxGrace }),
        ...(options.retireWhenQuietFor !== undefined && { retire: { whenQuietFor: options.retireWhenQuietFor } }),
        verification,
        rollback: { automatic: options.automaticRollback },
      },
      ...(inUse && { current: { username: inUse.username, password: unwrapSecret(inUse.password) } }),
    },
  });
  const { out, err } = session;
  print(out, options.format, service, () => {
    const done = inUse ? 'was imported; its login was tried and not changed' : 'was added';
    return `${out.paint.green('✓')} ${service.name} in ${service.environment} ${done}\n\n${serviceBlock(out.paint, service)}`;
  });
  err.line(
    `${err.paint.dim('→')} Look before you rotate: dsops rotation plan ${service.name} --env ${service.environment}`,
  );
}

/** Who administers the target; undefined where the credential changes itself. */
async function readAdmin(session: Session, { kind, admin }: TargetDeclaration, options: AddOptions) {
  const { adminUser } = options;
  if (admin === 'none') {
    if (adminUser === undefined) return undefined;
    throw usageError(`A target of type ${kind} has no administrator.`, 'Leave --admin-user out.');
  }
  if (adminUser === undefined)
    throw usageError('--admin-user is missing: the login that administers the target.', 'See --help.');
  const password = await readPassword(session, {
    option: 'admin-password',
    whose: adminUser,
    file: options.adminPasswordFile,
    stdin: options.adminPasswordStdin,
  });
  return { username: adminUser, password };
}
