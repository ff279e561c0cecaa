import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { Act } from '../session.js';
import { registerHistory } from './rotation-history.js';
import { registerPlan } from './rotation-plan.js';
import { registerResume } from './rotation-resume.js';
import { registerRollback } from './rotation-rollback.js';
import { registerRotate } from './rotation-rotate.js';
import { registerShow } from './rotation-show.js';
import { registerStatus } from './rotation-status.js';
import { registerWatch } from './rotation-watch.js';

export function registerRotation(program: CommandUnknownOpts, act: Act): void {
  const rotation = program.command('rotation').description('rotate, look, go back');
  registerRotate(rotation, act);
  registerPlan(rotation, act);
  registerStatus(rotation, act);
  registerHistory(rotation, act);
  registerShow(rotation, act);
  registerRollback(rotation, act);
  registerResume(rotation, act);
  registerWatch(rotation, act);
}
