import fc from 'fast-check';
import { nextStep } from '../rotation.js';
import { history, type History } from './arbitraries.js';
import type { StoredRotation } from './model-store.js';
import { startTape, type Tape } from './tape.js';
import { World } from './world.js';

/** Where a rotation stands, as far as it matters for going on from there: as a whole, and each thing by itself. */
function placesOf({ folded }: StoredRotation): string[] {
  const { path, inFlight, session, change, asking, conclusion } = folded;
  const effect = inFlight?.effect;
  const parts = {
    step: `${path} ${nextStep(folded) ?? 'end'}`,
    effect: effect?.do === 'probe' ? `probe ${effect.subject}` : effect?.do,
    session: session && (session.sentAtMs === null ? 'open' : 'sent'),
    command: change?.outcome,
    asking: asking && `${asking.code} ${asking.byPerson ? 'person' : 'probe'}`,
    end: conclusion?.state,
  };
  return [JSON.stringify(parts), ...Object.values(parts).flatMap((part) => (part ? [part] : []))];
}
/** What stands alone is worth as much as this many ways to stand together. */
const WORTH_ALONE = 20;
const worthOf = (place: string): number => (place.startsWith('{') ? 1 : WORTH_ALONE);

/** @returns null for a history that tapes cannot tell: where a process has measured a jump of the clock, say. */
function taped({ setting, first, commands }: History): { tape: Tape; places: Set<string> } | null {
  if (commands.some((command) => command.do === 'jump')) return null;
  const world = new World(setting);
  const tape = startTape(world);
  const places = new Set<string>();
  const { onAppended } = world.store;
  world.store.onAppended = (rotation, entry) => {
    onAppended(rotation, entry);
    for (const place of placesOf(rotation)) places.add(place);
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
export function recordTapes(
  runs: number,
  seed: number,
  mostBytes: number,
): {
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
  for (let bytes = 0; ;) {
    let best: { line: string; worth: number; places: ReadonlySet<string> } | null = null;
    for (const { line, places } of found) {
      const unseen = [...places].filter((place) => !seen.has(place));
      const worth = unseen.reduce((sum, place) => sum + worthOf(place), 0) / line.length;
      if (bytes + line.length < mostBytes && worth > (best?.worth ?? 0)) best = { line, worth, places };
    }
    if (!best) return { lines, places: seen.size, of: new Set(found.flatMap(({ places }) => [...places])).size };
    for (const place of best.places) seen.add(place);
    lines.push(best.line);
    bytes += best.line.length;
  }
}
