import { isDomainError } from '@dsops/kernel';
import type { Screen } from './screen.js';

/**
 * Ctrl-C, or the end of a terminal: what runs is stopped in order, and then the process ends, with 0 when nothing is left
 * running, else with 1 and what is.
 * @param end ends the process
 * @returns has it been asked to stop?
 */
export function stopOnSignals(
  running: { stop(): Promise<void> },
  screen: Screen,
  end: (code: number, failure?: unknown) => void,
): () => boolean {
  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    screen.text();
    screen.text('stopping …');
    running.stop().then(
      () => {
        screen.text('stopped; nothing is left running');
        end(0);
      },
      (error: unknown) => {
        screen.text('stopped, but for this:');
        if (!isDomainError(error)) return end(1, error);
        screen.problem(error);
        end(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  return () => isStopping;
}
