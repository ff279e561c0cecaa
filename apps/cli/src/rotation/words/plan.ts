import type { PlanView } from '@dsops/contracts/rotation/api';
import { findingLines } from '../../output/finding.js';
import { fields } from '../../output/table.js';
import { consumerLines } from './consumers.js';
import type { Paint } from '../../output/terminal.js';

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

export function planBlock(paint: Paint, plan: PlanView): string {
  const { checkOuts, sessions, consumers } = plan.blastRadius;
  const affected = [
    counted(checkOuts, 'check-out'),
    sessions === null ? 'open sessions unknown' : counted(sessions, 'open session'),
  ];
  const lines = [
    paint.bold('Rotation Plan'),
    paint.dim('============='),
    '',
    fields(paint, [
      ['Service', plan.service],
      ['Environment', plan.environment],
      ['Strategy', plan.strategy],
      ['Current Version', plan.currentVersion ?? 'none yet'],
      ['New Password For', plan.targetSlot],
      ['Retired After', plan.retiredSlot ?? 'nothing: the same login goes on'],
      ['Blast Radius', affected.join(', ')],
      ['Reversible', plan.isReversible ? 'yes, until the old login is retired' : 'no'],
    ]),
    '',
    'Steps:',
    ...plan.steps.map(({ name, description }, index) => {
      const number = String(index + 1).padStart(3);
      return `${number}. ${name.replaceAll('-', ' ').padEnd(20)} ${paint.dim(description)}`;
    }),
    ...(consumers ? ['', `Seen to use the value that ends:`, ...consumerLines(paint, consumers)] : []),
    '',
    'Findings:',
    ...(plan.findings.length === 0 ? ['  none'] : plan.findings.flatMap((finding) => findingLines(paint, finding))),
    '',
    plan.canApply
      ? `${paint.green('This plan can be applied.')} To apply exactly it: --plan ${plan.digest}`
      : paint.red('This plan cannot be applied: see the findings above.'),
  ];
  return lines.join('\n');
}
