import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { usageError } from '../failure.js';
import { examples } from '../options.js';
import type { Act } from '../session.js';

/** The program of apps/standalone that does it: a client knows no installation from inside. */
const PROGRAM = fileURLToPath(new URL('../../../standalone/dist/rotate-master.main.js', import.meta.url));

export function registerRotateMaster(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('rotate-master')
    .description('seal everything on this machine under a new master key, while dsops is stopped')
    .addHelpText(
      'after',
      [
        '',
        '',
        'It changes the key file of the installation in DSOPS_HOME, and can be interrupted: run again, it goes on where',
        'it was. Where services are processes of their own, the setup program does it (docs/configuration.md, Keys).',
        examples(['dsops keys rotate-master', 'dsops must not run meanwhile']),
      ].join('\n'),
    );
  command.action(() => act(command, ({ io }) => runProgram(io)));
}

async function runProgram(io: {
  readonly env: Readonly<Record<string, string | undefined>>;
  onInterrupt(listener: () => void): () => void;
}): Promise<number> {
  if (!existsSync(PROGRAM))
    throw usageError(
      'This command works where dsops runs as one process, and it is not installed here.',
      'Where services are processes of their own, run the setup program with rotate-master: docs/configuration.md.',
    );
  // Ctrl-C reaches the program too, which ends between two batches and says so.
  const forget = io.onInterrupt(() => undefined);
  try {
    const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'inherit', 'inherit'], env: { ...io.env } });
    return await new Promise<number>((done, failed) => {
      child.once('error', failed);
      child.once('exit', (code) => done(code ?? 1));
    });
  } finally {
    forget();
  }
}
