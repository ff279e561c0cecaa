import { fields } from '../../output/table.js';
import type { Paint } from '../../output/terminal.js';

export interface RollbackPlan {
  readonly service: string;
  readonly environment: string;
  readonly currentVersion: string | null;
  /** Null when no version to go back to is known. */
  readonly targetVersion: string | null;
  /** Open ones of the version that is rolled back. */
  readonly checkOuts: readonly string[];
  readonly reason: string;
}

const checkOutWords = ({ checkOuts, currentVersion }: RollbackPlan): string =>
  checkOuts.length === 0
    ? `none of ${currentVersion ?? 'it'} is open`
    : `${checkOuts.join(', ')}: ${currentVersion ?? 'it'} stays valid until they are over`;

export const rollbackPlanBlock = (paint: Paint, plan: RollbackPlan): string =>
  [
    paint.bold('Rollback Plan'),
    paint.dim('============='),
    '',
    fields(paint, [
      ['Service', plan.service],
      ['Environment', plan.environment],
      ['Current Version', plan.currentVersion ?? 'none'],
      ['Target Version', plan.targetVersion ?? 'none: there is nothing to go back to'],
      ['Check-outs', checkOutWords(plan)],
      ['Reason', plan.reason],
    ]),
    '',
    'Actions to perform:',
    '  1. Bring the target version back, on the target and in the store',
    '  2. Log in with it, to prove that the target accepts it',
    '  3. Make it CURRENT; without that proof nothing is called done',
    '  4. Tell the inbox and the audit log, with who asked and why',
  ].join('\n');
