import fc from 'fast-check';
import { history, type History } from './arbitraries.js';
import { World } from './world.js';

export interface HistoriesResult {
  readonly runs: number;
  readonly seed: number;
  /** Null when every history kept every invariant. */
  readonly breach: { readonly message: string; readonly path: string | null; readonly history: History } | null;
}

/** Plays one history to its end. @throws Breach naming the invariant */
export function playHistory({ setting, first, commands }: History): void {
  const world = new World(setting);
  world.play({ do: 'rotate', strategy: first, onConflict: 'reject' });
  for (const command of commands) world.play(command);
  world.drain();
}

/** @param path given back by a failed run: replays the shrunk history alone */
export function runHistories(options: {
  runs: number;
  seed?: number;
  path?: string;
  isShrunk?: boolean;
}): HistoriesResult {
  const details = fc.check(fc.property(history, playHistory), {
    numRuns: options.runs,
    endOnFailure: options.isShrunk === false,
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.path !== undefined && { path: options.path }),
  });
  const [counterexample] = details.counterexample ?? [];
  return {
    runs: details.numRuns,
    seed: details.seed,
    breach: counterexample
      ? { message: String(details.errorInstance), path: details.counterexamplePath, history: counterexample }
      : null,
  };
}

/** What a person reads when a history failed. */
export function describeBreach({ seed, breach }: HistoriesResult): string {
  if (!breach) return 'No breach.';
  return [
    breach.message,
    `Replay: DSOPS_HISTORIES_SEED=${seed} DSOPS_HISTORIES_PATH=${breach.path ?? ''}`,
    JSON.stringify(breach.history, null, 1),
  ].join('\n');
}
