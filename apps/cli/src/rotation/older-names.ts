import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { RotationView } from '@dsops/contracts/rotation/api';
import { asDomainError, EXIT, exitCodeOf, usageError } from '../failure.js';
import { showProgress } from './follow/progress.js';
import { findService } from '../input/place.js';
import { exitCodeOfRotation } from './words/end.js';
import { timestamp } from '../output/time.js';
import type { Act, Session } from '../session.js';
import { readOnConflict } from './conflict.js';
import { collectNames, envOption, examples } from '../options.js';
import { registerHistory } from './history.js';
import { start, type RotateOptions } from './rotate.js';
import { registerStatus } from './status.js';
import { readStrategy } from '../input/strategy.js';

/** The older names. They do what `dsops rotation …` does, in the words that older scripts read. */
export function register(program: CommandUnknownOpts, act: Act): void {
  const secrets = program.command('secrets').description('older names of "dsops rotation rotate|status|history"');
  registerSecretsRotate(secrets, act);
  registerStatus(secrets, act);
  registerHistory(secrets, act);
}

function registerSecretsRotate(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('rotate')
    .description('rotate one or several services by name')
    .option('--key <service>', 'service; several with commas or by repeating', collectNames)
    .option('--service <service>', 'as --key', collectNames)
    .addOption(envOption())
    .option('--strategy <strategy>', 'another strategy than the configured one', readStrategy)
    .option('--on-conflict <what>', 'when one is running: fail, skip, queue, replace', readOnConflict)
    .option('--dry-run', 'change nothing', false)
    .addOption(new Option('--new-value <source>').hideHelp())
    .addHelpText('after', examples(['dsops secrets rotate --env production --key payments-db,shop-db', '']));
  command.action((options) =>
    act(command, async (session) => {
      if (options.newValue !== undefined)
        throw usageError('--new-value is not taken: dsops chooses each value itself.', 'Leave --new-value out.');
      const keys = [...new Set([...(options.key ?? []), ...(options.service ?? [])])];
      if (keys.length === 0) throw usageError('No service is named.', 'Name it with --key.');
      const results: Result[] = [];
      for (const key of keys) results.push(await rotateOne(session, key, options));
      return summarize(session, results);
    }),
  );
}

interface Result {
  readonly kind: 'done' | 'skipped' | 'failed';
  readonly code: number;
}

async function rotateOne(
  session: Session,
  key: string,
  options: Pick<RotateOptions, 'strategy' | 'onConflict'> & { dryRun: boolean; env?: string | undefined },
): Promise<Result> {
  const { out } = session;
  try {
    const client = await session.client();
    const service = await findService(session, client, key, options);
    if (options.dryRun) {
      out.line(`${out.paint.green('✓')} ${key} (would rotate - dry run)`);
      return { kind: 'done', code: EXIT.ok };
    }
    const started = await start(session, client, service, options);
    if (started === undefined) return { kind: 'skipped', code: EXIT.ok };
    const rotation = await showProgress(session, client, started);
    return finish(session, key, rotation);
  } catch (thrown) {
    const error = asDomainError(thrown);
    if (error.code === 'cli_interrupted') throw error;
    out.line(`${out.paint.red('✗')} ${key}: ${error.message}`);
    return { kind: 'failed', code: exitCodeOf(error) };
  }
}

function finish({ out, io }: Session, key: string, rotation: RotationView): Result {
  const code = exitCodeOfRotation(rotation);
  if (code === EXIT.ok) {
    const at = timestamp(rotation.endedAt ?? io.now().toISOString());
    out.line(`${out.paint.green('✓')} ${key} (rotated at ${at})`);
    return { kind: 'done', code };
  }
  out.line(`${out.paint.red('✗')} ${key}: ${rotation.error?.message ?? rotation.state}`);
  return { kind: 'failed', code };
}

function summarize({ out, err }: Session, results: readonly Result[]): number {
  const count = (kind: Result['kind']) => results.filter((result) => result.kind === kind).length;
  out.line('\nSummary:');
  out.line(`  Successfully processed: ${count('done')}`);
  out.line(`  Skipped: ${count('skipped')}`);
  out.line(`  Failed: ${count('failed')}`);
  if (count('failed') === 0) return EXIT.ok;
  err.line(`${err.paint.red('Error:')} ${count('failed')} secret(s) failed to rotate`);
  // One cause: its own code. Several: the general one for rotations.
  const codes = new Set(results.filter(({ kind }) => kind === 'failed').map(({ code }) => code));
  const [only = EXIT.rotation] = codes;
  return codes.size === 1 ? only : EXIT.rotation;
}
