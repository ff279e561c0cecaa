import { setTimeout as pause } from 'node:timers/promises';
import { DomainError } from '@dsops/kernel';
import type { Screen } from '@dsops/standalone/screen';
import { isWatched, leftovers, waitUntilGone } from './processes.js';
import { stackHome } from './stack-home.js';
import { StateFile } from './state-file.js';

const STOP_TIMEOUT_MS = 120_000;
/** Parts notice by themselves that their watcher is gone, and end: they get this long. */
const BY_THEMSELVES_MS = 20_000;

/** Stops the stack of a folder and returns when nothing of it runs. Without a stack there is nothing to do. */
export async function bringDown(folder: string, screen: Screen): Promise<void> {
  const home = stackHome(folder);
  const state = new StateFile(home.stateFile);
  const record = state.read();
  if (record === undefined) {
    screen.text(`No stack runs on ${home.folder}.`);
    return;
  }
  const startedAt = performance.now();
  if (await isWatched(record)) {
    screen.text('stopping …');
    process.kill(record.pid, 'SIGTERM');
    if (!(await waitUntilGone(record.pid, STOP_TIMEOUT_MS)))
      throw new DomainError(
        'stack_does_not_stop',
        'unavailable',
        `The stack is still stopping after two minutes (process ${record.pid}).`,
        { remedy: 'See what it waits for: pnpm stack status' },
      );
  }
  await endLeftovers(record, screen);
  state.remove();
  screen.done('stopped', 'nothing is left running; data is kept', performance.now() - startedAt);
}

/** The watcher was killed, and perhaps whoever ends the parts when that happens. */
async function endLeftovers(record: Parameters<typeof leftovers>[0], screen: Screen): Promise<void> {
  const deadline = performance.now() + BY_THEMSELVES_MS;
  while (performance.now() < deadline && (await leftovers(record)).length > 0) await pause(200);
  for (const { pid, title } of await leftovers(record)) {
    process.kill(pid, 'SIGKILL');
    await waitUntilGone(pid, 5_000);
    screen.done(title, `was still running (process ${pid}), and was ended`);
  }
}
