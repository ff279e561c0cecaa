import fc from 'fast-check';
import { nextStep, type Rotation } from '../rotation.js';
import { history, type History } from './arbitraries.js';
import { startTape, type Tape } from './tape.js';
import { World } from './world.js';

/** Where a rotation stands, as far as it matters for going on from there. */
function placeOf({ folded }: { readonly folded: Rotation }): string {
  const { path, inFlight, session, change, asking, conclusion } = folded;
  const effect = inFlight?.effect;
  return [
    path,
    nextStep(folded) ?? 'end',
    effect ? `${effect.do} ${effect.do === 'probe' ? effect.subject : ''}` : '',
    session && (session.sentAtMs === null ? 'open' : 'sent'),
    change?.outcome,
    asking?.code,
    conclusion?.state,
  ].join('/');
}

/** @returns null for a history that tapes cannot tell: where a process has measured a jump of the clock, say. */
function taped({ setting, first, commands }: History): { tape: Tape; places: Set<string> } | null {
  if (commands.some((command) => command.do === 'jump')) return null;
  const world = new World(setting);
  const tape = startTape(world);
  const places = new Set<string>();
  const { onAppended } = world.store;
  world.store.onAppended = (rotation, entry) => {
    onAppended(rotation, entry);
    places.add(placeOf(rotation));
  };
  world.play({ do: 'rotate', strategy: first, onConflict: 'reject' });
  for (const command of commands) world.play(command);
  world.drain();
  return { tape, places };
}

/**
 * Records seeded histories and keeps, as one JSON line each, the few short ones in which rotations stand at as many
 * different places as possible. For the next version of the engine: record with this one before anything is changed.
 */
export function recordTapes(runs: number, seed: number, mostBytes: number): {
  lines: string[];
  places: number;
  of: number;
} {
  const found: { line: string; places: ReadonlySet<string> }[] = [];
  for (const each of fc.sample(history, { numRuns: runs, seed })) {
    const recorded = taped(each);
    if (recorded) found.push({ line: JSON.stringify(recorded.tape), places: recorded.places });
  }
  const seen = new Set<string>();
  const lines: string[] = [];
  for (let bytes = 0; ; ) {
    let best: { line: string; worth: number; places: ReadonlySet<string> } | null = null;
    for (const { line, places } of found) {
      const worth = [...places].filter((place) => !seen.has(place)).length / line.length;
      if (bytes + line.length < mostBytes && worth > (best?.worth ?? 0)) best = { line, worth, places };
    }
    if (!best) return { lines, places: seen.size, of: new Set(found.flatMap(({ places }) => [...places])).size };
    for (const place of best.places) seen.add(place);
    lines.push(best.line);
    bytes += best.line.length;
  }
}
