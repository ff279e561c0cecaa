import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { addService, type ServiceView } from '@dsops/contracts/rotation/api';
import type { Strategy } from '@dsops/contracts/rotation/states';
import { unwrapSecret } from '@dsops/kernel';
import { usageError } from '../failure.js';
import { readPassword } from '../input/password.js';
import { chooseEnvironment } from '../input/place.js';
import { print, type Format } from '../output/format.js';
import { serviceBlock } from './words.js';
import type { Act, Session } from '../session.js';
import { collectNames, envOption, examples, formatOption, readPort } from '../options.js';
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
        username: options.user ?? options.slot?.[0],
        file: options.passwordFile,
        stdin: options.passwordStdin,
      });
    }),
  );
}

const targetCommand = (parent: CommandUnknownOpts, name: string, description: string) =>
  parent
    .command(name)
    .description(description)
    .argument('<name>', 'how people will call it')
    .addOption(envOption())
    .addOption(
      new Option('--type <type>', 'kind of target').choices(['postgresql'] as const).default('postgresql' as const),
    )
    .requiredOption('--host <host>', 'host of the target')
    .option('--port <port>', 'port of the target (default: 5432)', readPort)
    .requiredOption('--database <name>', 'database to log in to')
    .addOption(
      new Option('--ssl-mode <mode>', 'as libpq has it (default: disable)').choices([
        'disable',
        'require',
        'verify-full',
      ] as const),
    )
    .requiredOption('--admin-user <login>', 'the login that administers the target')
    .option('--admin-password-file <file>', 'its password, in a file')
    .option('--admin-password-stdin', 'its password, on standard input')
    .option('--credential <name>', 'name of the credential (default: login)')
    .option('--strategy <strategy>', 'immediate or two-key (default: by the number of slots)', readStrategy)
    .option('--slot <login>', 'login role; give two of them for two-key', collectNames)
    .option('--owner <role>', 'role that owns what both logins create; needed with two')
    .option('--grace-period <duration>', 'how long the old value stays valid, such as 1h (default: 0s)')
    .option('--verify-query <sql>', 'query that proves a login (default: SELECT 1)')
    .option('--verify-timeout <duration>', 'how long that may take (default: 30s)')
    .option('--no-automatic-rollback', 'stop for a person instead of rolling back')
    .addOption(formatOption());

interface AddOptions {
  readonly env?: string | undefined;
  readonly type: 'postgresql';
  readonly host: string;
  readonly port?: number | undefined;
  readonly database: string;
  readonly sslMode?: 'disable' | 'require' | 'verify-full' | undefined;
  readonly adminUser: string;
  readonly adminPasswordFile?: string | undefined;
  readonly adminPasswordStdin?: true | undefined;
  readonly credential?: string | undefined;
  readonly strategy?: Strategy | undefined;
  readonly slot?: string[] | undefined;
  readonly owner?: string | undefined;
  readonly gracePeriod?: string | undefined;
  readonly verifyQuery?: string | undefined;
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
  const slots = options.slot ?? [];
  if (slots.length === 0)
    throw usageError('No login is named.', 'Name the login role with --slot; give --slot twice for two-key.');
  const client = await session.client();
  const environment = await chooseEnvironment(session, client, options.env);
  const adminPassword = await readPassword(session, {
    option: 'admin-password',
    whose: options.adminUser,
    file: options.adminPasswordFile,
    stdin: options.adminPasswordStdin,
  });
  const inUse = current && {
    username: current.username ?? '',
    password: await readPassword(session, {
      option: 'password',
      whose: current.username ?? '',
      file: current.file,
      stdin: current.stdin,
    }),
  };
  const verification = {
    ...(options.verifyQuery !== undefined && { query: options.verifyQuery }),
    ...(options.verifyTimeout !== undefined && { timeout: options.verifyTimeout }),
  };
  const service: ServiceView = await client.call(addService, {
    body: {
      name,
      environment,
      type: options.type,
      target: {
        host: options.host,
        database: options.database,
        ...(options.port !== undefined && { port: options.port }),
        ...(options.sslMode !== undefined && { sslMode: options.sslMode }),
      },
      admin: { username: options.adminUser, password: unwrapSecret(adminPassword) },
      credential: {
        ...(options.credential !== undefined && { name: options.credential }),
        strategy: options.strategy ?? (slots.length === 2 ? 'two-key' : 'immediate'),
        slots,
        ...(options.owner !== undefined && { owner: options.owner }),
        ...(options.gracePeriod !== undefined && { gracePeriod: options.gracePeriod }),
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
