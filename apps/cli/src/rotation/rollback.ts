import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { rollBack, type ServiceView } from '@dsops/contracts/rotation/api';
import type { ApiClient } from '@dsops/api-client';
import { EXIT, unknownError, usageError } from '../failure.js';
import { isBack } from './follow/follow-rotation.js';
import { showProgress } from './follow/progress.js';
import { findService } from '../input/place.js';
import { ask, confirm } from '../input/prompt.js';
import { print } from '../output/format.js';
import { rollbackPlanBlock, type RollbackPlan } from './words/rollback-plan.js';
import { currentVersion } from '../service/words.js';
import type { Act, Session } from '../session.js';
import { findRunning } from './conflict.js';
import { reportEnd } from './report-end.js';
import { envOption, examples, formatOption, reasonOption, serviceOption, yesOption } from '../options.js';

export function registerRollback(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('rollback')
    .description('bring the previous version back; done only when a login has proven it')
    .argument('[service]', 'the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .option('--version <name>', 'the version to go back to (default: the previous one)')
    .addOption(reasonOption())
    .option('-f, --force', 'do not ask: what --yes is elsewhere', false)
    .addOption(yesOption())
    .option('--dry-run', 'show the plan and change nothing', false)
    .option('-v, --verbose', 'with all versions of the service', false)
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops rotation rollback payments-db --reason "logins fail"', 'asks before it acts'],
        ['dsops rotation rollback --service payments-db --env production --reason test --dry-run', 'only the plan'],
      ),
    );
  command.action((service, options) =>
    act(command, async (session) => {
      const { out, err } = session;
      const mayAct = options.yes || options.force || options.dryRun;
      if (!mayAct && !session.isInteractive)
        throw usageError(
          'A rollback needs a yes, and there is no terminal to ask at.',
          'Add --yes when you are sure, or --dry-run to see the plan.',
        );
      const client = await session.client();
      const found = await findService(session, client, service, options);
      const reason = options.reason ?? (await askReason(session));
      const plan = await planOf(client, found, reason, options.version);
      const isForPeople = options.format === 'table';
      if (isForPeople || !mayAct) {
        const to = isForPeople ? out : err;
        to.line(rollbackPlanBlock(to.paint, plan));
        if (options.verbose) to.line(`\nVersions:\n${versionLines(found).join('\n')}`);
      }
      if (options.dryRun) {
        if (isForPeople) out.line('\n[DRY RUN] No changes made. Remove --dry-run to execute.');
        else print(out, options.format, plan, () => '');
        return plan.targetVersion === null ? EXIT.rotation : EXIT.ok;
      }
      if (!mayAct && !(await confirm(session, '\nProceed with rollback? (y/N): '))) {
        err.line('Rollback cancelled');
        return EXIT.ok;
      }
      const rollback = await client.call(rollBack, {
        params: { environment: found.environment, service: found.name },
        body: { reason, ...(options.version && { version: options.version }) },
      });
      err.line(`\nRolling back ${err.paint.bold(found.name)} in ${found.environment}`);
      for (const { id, requestedBy } of rollback.cancelled)
        err.line(`  ○ cancelled: rotation ${id}, which ${requestedBy.name} had queued`);
      const ended = await showProgress(session, client, rollback, isBack);
      return reportEnd(session, options.format, ended, 'rollback');
    }),
  );
}

async function askReason(session: Session): Promise<string> {
  if (!session.isInteractive)
    throw usageError('A rollback needs a reason, for the audit log.', 'Give it with --reason "…".');
  const reason = (await ask(session, 'Reason, for the audit log: ')).trim();
  if (reason === '') throw usageError('A rollback needs a reason, for the audit log.', 'One sentence is enough.');
  return reason;
}

/** What would happen, from the versions that dsops knows. The server decides again when it is asked to act. */
async function planOf(
  client: ApiClient,
  service: ServiceView,
  reason: string,
  version: string | undefined,
): Promise<RollbackPlan> {
  const place = { environment: service.environment, service: service.name };
  const running = await findRunning(client, place);
  const wanted =
    version ?? service.versions.find(({ label }) => label === 'PREVIOUS')?.name ?? running?.previousVersion;
  if (version !== undefined && !service.versions.some(({ name, id }) => name === version || id === version))
    throw unknownError(
      `${service.name} has no version of this name.`,
      `See which there are: dsops service show ${service.name} --env ${service.environment}.`,
    );
  return {
    ...place,
    currentVersion: running?.newVersion ?? currentVersion(service)?.name ?? null,
    targetVersion: wanted ?? null,
    checkOuts: running?.newVersionCheckOuts ?? [],
    reason,
  };
}

const versionLines = ({ versions }: ServiceView): string[] =>
  versions.map(({ name, label, verdict }) => `  ${name}  ${label ?? '-'}  ${verdict ?? 'not tried'}`);
