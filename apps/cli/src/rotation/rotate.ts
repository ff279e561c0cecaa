import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { planRotation, startRotation, type RotationView, type ServiceView } from '@dsops/contracts/rotation/api';
import { presetOf, type Strategy } from '@dsops/contracts/rotation/strategies';
import type { ApiClient } from '@dsops/api-client';
import { EXIT, usageError } from '../failure.js';
import { hasEnded, isSettled } from './follow/follow-rotation.js';
import { showProgress } from './follow/progress.js';
import { findService } from '../input/place.js';
import { confirm } from '../input/prompt.js';
import { currentVersion } from '../service/words.js';
import { consumerLines } from './words/consumers.js';
import { print, type Format } from '../output/format.js';
import type { Act, Session } from '../session.js';
import { isConflict, readOnConflict, settleConflict, type OnConflict } from './conflict.js';
import { reportEnd } from './report-end.js';
import { envOption, examples, formatOption, reasonOption, serviceOption, yesOption } from '../options.js';
import { showPlan } from './plan.js';
import { readStrategy } from '../input/strategy.js';

export function registerRotate(rotation: CommandUnknownOpts, act: Act): void {
  const command = rotation
    .command('rotate')
    .description('rotate the credential of a service and show each step')
    .argument('[service]', 'the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .option('--strategy <strategy>', 'another strategy than the configured one', readStrategy)
    .option('--dry-run', 'show the plan and change nothing', false)
    .option('--plan <digest>', 'apply exactly this plan; refused when it has drifted')
    .option('--on-conflict <what>', 'when one is running: reject, queue, replace, or skip (exit 0)', readOnConflict)
    .addOption(reasonOption())
    .addOption(yesOption())
    .option('--watch', 'stay until the very end, through the grace period too', false)
    .option('--no-wait', 'return as soon as the rotation is journalled')
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops rotation rotate payments-db', 'rotate now'],
        ['dsops rotation rotate payments-db --env staging --dry-run', 'what would happen'],
        ['dsops rotation rotate payments-db --no-wait --format json', 'for scripts: start and go on'],
        ['dsops rotation rotate payments-db --on-conflict queue', 'after the one that runs'],
      ),
    );
  command.action((service, options) =>
    act(command, async (session) => {
      const client = await session.client();
      const found = await findService(session, client, service, options);
      if (options.dryRun) {
        const code = await showPlan(session, client, found, options);
        if (options.format === 'table') session.out.line('\n[DRY RUN] No changes made. Remove --dry-run to execute.');
        return code;
      }
      return rotate(session, client, found, options);
    }),
  );
}

export interface RotateOptions {
  readonly strategy?: Strategy | undefined;
  readonly plan?: string | undefined;
  readonly reason?: string | undefined;
  readonly onConflict?: OnConflict | undefined;
  readonly yes: boolean;
  readonly watch: boolean;
  readonly wait: boolean;
  readonly format: Format;
}

async function rotate(session: Session, client: ApiClient, service: ServiceView, options: RotateOptions) {
  const consent = await consentTo(session, client, service, options);
  if (consent === 'no') return EXIT.ok;
  const rotation = await start(session, client, service, options, consent === 'yes');
  if (rotation === undefined) return EXIT.ok;
  const { out, err } = session;
  if (!options.wait) {
    print(out, options.format, rotation, () => `Started: rotation ${rotation.id} of ${rotation.service}`);
    err.line(err.paint.dim(`→ Follow it: dsops rotation show ${rotation.id} --watch`));
    return EXIT.ok;
  }
  err.line(`Rotating ${err.paint.bold(service.name)} in ${service.environment} (${rotation.strategy})`);
  const ended = await showProgress(session, client, rotation, options.watch ? hasEnded : isSettled);
  return reportEnd(session, options.format, ended);
}

/** In place, whoever uses the old value without a check-out loses it: that wants a yes of somebody who saw them. */
async function consentTo(
  session: Session,
  client: ApiClient,
  service: ServiceView,
  { strategy, yes }: Pick<RotateOptions, 'strategy' | 'yes'>,
): Promise<'yes' | 'no' | 'not-needed'> {
  const { credential } = service;
  const isInPlace = presetOf(strategy ?? credential.strategy).shape === 'in-place';
  if (!isInPlace || credential.consumers === 'managed' || !currentVersion(service)) return 'not-needed';
  if (yes) return 'yes';
  if (!session.isInteractive)
    throw usageError(
      `Whoever uses ${service.name} loses its value at once, also who is not seen: that needs a yes.`,
      'See who does with --dry-run, and add --yes when you are sure.',
    );
  const plan = await client.call(planRotation, {
    params: { environment: service.environment, service: service.name },
    body: strategy === undefined ? {} : { strategy },
  });
  const { err } = session;
  err.line('In place, the value in use ends at once. Seen to use it:');
  const { consumers } = plan.blastRadius;
  for (const line of consumers ? consumerLines(err.paint, consumers) : ['  (could not be looked at)']) err.line(line);
  return (await confirm(session, '\nRotate all the same? (y/N): ')) ? 'yes' : 'no';
}

/** Asks for the rotation; undefined when one is running and that was answered with "leave it at that". */
export async function start(
  session: Session,
  client: ApiClient,
  service: ServiceView,
  options: Pick<RotateOptions, 'strategy' | 'plan' | 'reason' | 'onConflict'>,
  acceptsBreaking = false,
): Promise<RotationView | undefined> {
  const { onConflict, strategy, plan, reason } = options;
  const place = { environment: service.environment, service: service.name };
  const attempt = (answer: Exclude<OnConflict, 'skip'>) =>
    client.call(startRotation, {
      params: place,
      body: {
        onConflict: answer,
        acceptsBreaking,
        ...(strategy && { strategy }),
        ...(plan && { plan }),
        ...(reason && { reason }),
      },
    });
  for (let answer = onConflict; ;) {
    try {
      return await attempt(answer === undefined || answer === 'skip' ? 'reject' : answer);
    } catch (error) {
      if (!isConflict(error)) throw error;
      const next = await settleConflict(session, client, place, answer, error);
      if (next === 'leave') return undefined;
      answer = next;
    }
  }
}
