import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { Act } from '../session.js';
import { registerAbandon } from './abandon.js';
import { registerClear } from './clear.js';
import { registerHistory } from './history.js';
import { registerPlan } from './plan.js';
import { registerResume } from './resume.js';
import { registerRollback } from './rollback.js';
import { registerRotate } from './rotate.js';
import { registerShow } from './show.js';
import { registerStatus } from './status.js';
import { registerWatch } from './watch.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const rotation = program.command('rotation').description('rotate, look, go back');
  registerRotate(rotation, act);
  registerPlan(rotation, act);
  registerStatus(rotation, act);
  registerHistory(rotation, act);
  registerShow(rotation, act);
  registerRollback(rotation, act);
  registerResume(rotation, act);
  registerAbandon(rotation, act);
  registerClear(rotation, act);
  registerWatch(rotation, act);
}
