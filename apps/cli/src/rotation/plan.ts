import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { planRotation, type PlanView, type ServiceView } from '@dsops/contracts/rotation/api';
import type { Strategy } from '@dsops/contracts/rotation/strategies';
import type { ApiClient } from '@dsops/api-client';
import { EXIT } from '../failure.js';
import { findService } from '../input/place.js';
import { print, type Format } from '../output/format.js';
import { planBlock } from './words/plan.js';
import type { Act, Session } from '../session.js';
import { envOption, examples, formatOption, serviceOption } from '../options.js';
import { readStrategy } from '../input/strategy.js';

export function registerPlan(rotation: CommandUnknownOpts, act: Act): void {
  const command = rotation
    .command('plan')
    .description('show what a rotation would do now; changes nothing')
    .argument('[service]', 'the service')
    .addOption(serviceOption())
    .addOption(envOption())
    .option('--strategy <strategy>', 'another strategy than the configured one', readStrategy)
    .addOption(new Option('--dry-run', 'a plan is always one').hideHelp())
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops rotation plan payments-db', 'steps, findings and who would notice'],
        ['dsops rotation plan payments-db --format json', 'with the digest to apply exactly this plan'],
      ),
    );
  command.action((service, options) =>
    act(command, async (session) => {
      const client = await session.client();
      const found = await findService(session, client, service, options);
      return showPlan(session, client, found, options);
    }),
  );
}

/** Prints the plan. A plan that cannot be applied ends with the code for a failed validation. */
export async function showPlan(
  session: Session,
  client: ApiClient,
  place: ServiceView,
  { format, strategy }: { format: Format; strategy?: Strategy | undefined },
): Promise<number> {
  const plan: PlanView = await client.call(planRotation, {
    params: { environment: place.environment, service: place.name },
    body: strategy === undefined ? {} : { strategy },
  });
  print(session.out, format, plan, () => planBlock(session.out.paint, plan));
  return plan.canApply ? EXIT.ok : EXIT.validation;
}
