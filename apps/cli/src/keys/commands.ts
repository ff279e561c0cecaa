import { writeFile } from 'node:fs/promises';
import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { createApiKey, listApiKeys, revokeApiKey } from '@dsops/contracts/gateway/api';
import { ROLES } from '@dsops/contracts/principal';
import { Secret, unwrapSecret } from '@dsops/kernel';
import { EXIT, unknownError, usageError } from '../failure.js';
import { confirm } from '../input/prompt.js';
import { print } from '../output/format.js';
import { table } from '../output/table.js';
import { ago, timestamp } from '../output/time.js';
import type { Act } from '../session.js';
import { examples, formatOption, yesOption } from '../options.js';
import { registerRotateMaster } from './rotate-master.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const keys = program.command('keys').description('who may use the API, and the master key of this machine');
  registerCreate(keys, act);
  registerList(keys, act);
  registerRevoke(keys, act);
  registerRotateMaster(keys, act);
}

function registerCreate(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('create')
    .description('make an API key; its value is shown once')
    .argument('<name>', 'what it is for')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('viewer' as const))
    .option('--inbox', 'it gets an inbox of its own, to be read with dsops inbox; for people, not for machines')
    .option('--out <file>', 'write the key into this new file, which only you can read')
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops keys create ci --role operator --out ci.key', ''],
        ['dsops keys create ada --role admin --inbox --out ada.key', 'a person, who is told what happens'],
        ['DSOPS_API_KEY_FILE=ci.key dsops rotation status', 'use it'],
      ),
    );
  command.action((name, options) =>
    act(command, async ({ client: connect, out, err }) => {
      const client = await connect();
      // Before the key exists, so that no key is made that nobody can read.
      if (options.out !== undefined) await reserve(options.out);
      const { key, ...view } = await client.call(createApiKey, {
        body: { name, role: options.role, ...(options.inbox === true && { inbox: true }) },
      });
      const value = new Secret(key);
      if (options.out !== undefined) {
        await writeFile(options.out, `${unwrapSecret(value)}\n`, { mode: 0o600 });
        print(
          out,
          options.format,
          view,
          () => `${out.paint.green('✓')} Key ${view.name} (${view.role}) is in ${options.out}`,
        );
        return;
      }
      print(out, options.format, { ...view, key: unwrapSecret(value) }, () => unwrapSecret(value));
      err.line(err.paint.dim(`Key ${view.name} (${view.role}), id ${view.id}. It is shown only now.`));
    }),
  );
}

async function reserve(file: string): Promise<void> {
  try {
    await writeFile(file, '', { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw usageError(
      exists ? 'The file given with --out exists already.' : 'The file given with --out cannot be written.',
      exists ? 'Name a new one: a key is never written over something else.' : 'Check its path.',
    );
  }
}

function registerList(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('list')
    .description('API keys, without their values')
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops keys list', '']));
  command.action((options) =>
    act(command, async ({ client: connect, out, io }) => {
      const items = await (await connect()).list(listApiKeys);
      print(out, options.format, items, () =>
        items.length === 0
          ? 'No API keys.'
          : table(
              out.paint,
              ['NAME', 'ROLE', 'INBOX', 'CREATED', 'LAST USED', 'STATE', 'ID'],
              items.map(({ name, role, hasInbox, createdAt, lastUsedAt, revokedAt, id }) => ({
                cells: [
                  name,
                  role,
                  hasInbox ? 'yes' : '-',
                  timestamp(createdAt),
                  ago(lastUsedAt, io.now()),
                  revokedAt === null ? out.paint.green('valid') : out.paint.dim('revoked'),
                  id,
                ],
              })),
            ),
      );
    }),
  );
}

function registerRevoke(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<key>', 'its name or id')
    .addOption(yesOption())
    .addHelpText('after', examples(['dsops keys revoke ci', '']));
  command.action((which, options) =>
    act(command, async (session) => {
      if (!options.yes && !session.isInteractive)
        throw usageError('Revoking a key needs a yes, and there is no terminal to ask at.', 'Add --yes.');
      const client = await session.client();
      const valid = (await client.list(listApiKeys)).filter(({ revokedAt }) => revokedAt === null);
      const [found, another] = valid.filter(({ id, name }) => id === which || name === which);
      if (another) throw usageError('Several keys have this name.', 'Name it by its id: dsops keys list shows them.');
      if (!found)
        throw unknownError('There is no valid key of this name or id.', 'See which there are: dsops keys list.');
      if (!options.yes && !(await confirm(session, `Revoke ${found.name} (${found.role})? (y/N): `))) return EXIT.ok;
      await client.call(revokeApiKey, { params: { keyId: found.id } });
      session.out.line(`${session.out.paint.green('✓')} ${found.name} is refused from now on`);
    }),
  );
}
