import { homedir } from 'node:os';
import { isDomainError } from '@dsops/kernel';
import { homePaths } from '@dsops/kernel/home';
import { describeOutcome, progressLine, type Progress } from '@dsops/key-change';
import { keyPaths } from '@dsops/rotation';
import { rotateMaster } from './rotate-master.service.js';
import { Screen } from './screen.js';

/** What `dsops keys rotate-master` starts: the client knows no installation from inside. */

const { stdout, stderr } = process;
const screen = new Screen(stdout, { hasColors: stdout.isTTY === true && !process.env.NO_COLOR });
const errors = new Screen(stderr, { hasColors: stderr.isTTY === true && !process.env.NO_COLOR });

/** One line that moves on at a terminal; elsewhere a line when a phase is through. */
function show(progress: Progress): void {
  const isThrough = progress.done === progress.total;
  if (stdout.isTTY) stdout.write(`\r\u001b[K  ${progressLine(progress)}${isThrough ? '\n' : ''}`);
  else if (isThrough) screen.text(progressLine(progress));
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
try {
  const home = homePaths({ platform: process.platform, env: process.env, userFolder: homedir() });
  screen.title('dsops: a new master key');
  const change = await rotateMaster(home, show, stop.signal);
  const [outcome = '', ...advice] = describeOutcome(change, keyPaths(home.folder).keyFile);
  screen.done('master key', outcome);
  for (const line of advice) screen.text(line);
} catch (error) {
  if (isDomainError(error)) errors.problem(error);
  else {
    const { message } = error instanceof Error ? error : { message: String(error) };
    stderr.write(
      `\nThe master key could not be changed: ${message}\n  Run the same command again: it goes on where it was.\n`,
    );
  }
  process.exitCode = 1;
}
