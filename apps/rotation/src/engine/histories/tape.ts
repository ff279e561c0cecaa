import type { StoredHappening } from '../upgrade.js';
import type { StoredRotation } from './model-store.js';
import { World, type Setting } from './world.js';

/** What reached store, target or oracle: true time in milliseconds, `what.method` or `what=property`, arguments. */
export type Call = readonly [atMs: number, name: string, ...args: unknown[]];

/**
 * A history as everything outside of the workers saw it. It is told again without asking the engine anything, so that
 * a later engine finds the world as an earlier one left it, at whatever instant that one was stopped.
 */
export interface Tape {
  readonly setting: Setting;
  readonly calls: Call[];
}

const STORE = ['start', 'seal', 'moveLabels', 'change', 'addCheckOut', 'release'];
const TARGET = ['put', 'probe', 'breakVerification', 'mend', 'openSession', 'disconnect', 'endSession'];
const RECORDED: ReadonlySet<string> = new Set([
  ...STORE.map((method) => `store.${method}`),
  ...[...TARGET, 'endAtTheTarget', 'send'].map((method) => `target.${method}`),
  ...['edited', 'personActed'].map((method) => `oracle.${method}`),
]);

/** From now on the tape runs. */
export function startTape(world: World): Tape {
  const tape: Tape = { setting: world.setting, calls: [] };
  const note = (name: string, args: readonly unknown[]): void => {
    tape.calls.push([world.trueMs(), ...(JSON.parse(JSON.stringify([name, ...args])) as [string, ...unknown[]])]);
  };
  const recorded = <T extends object>(what: string, subject: T): T =>
    new Proxy(subject, {
      get(_, property) {
        const value: unknown = Reflect.get(subject, property, subject);
        const name = `${what}.${String(property)}`;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          const before = tape.calls.length;
          if (name === 'store.append') note(name, [(args[0] as StoredRotation).id, args[2]]);
          else if (RECORDED.has(name)) note(name, args);
          const answer: unknown = Reflect.apply(value, subject, args);
          // Whose fence had moved on has written nothing.
          if (answer === false && name === 'store.append') tape.calls.splice(before, 1);
          return answer;
        };
      },
      set(_, property, value) {
        if (typeof value !== 'function') note(`${what}=${String(property)}`, [value]);
        return Reflect.set(subject, property, value, subject);
      },
    });
  world.store = recorded('store', world.store);
  world.target = recorded('target', world.target);
  world.oracle = recorded('oracle', world.oracle);
  return tape;
}

/** The world after the first calls of a tape. Its workers know nothing of what was: those before them are gone. */
export function replay({ setting, calls }: Tape, upTo: number): World {
  const world = new World(setting);
  for (const [atMs, name, ...args] of calls.slice(0, upTo)) {
    world.target.passTo(atMs);
    tell(world, name, args);
  }
  return world;
}

function tell(world: World, name: string, args: readonly unknown[]): void {
  if (name === 'store.append') {
    const [id, happening] = args as [string, StoredHappening];
    const rotation = world.store.rotations.find((each) => each.id === id);
    if (!rotation) throw new Error(`The tape tells of ${id} before it began.`);
    world.store.append(rotation, null, happening, world.databaseMs());
    return;
  }
  const [what = '', member = ''] = name.split(/[.=]/);
  const subject: object = { store: world.store, target: world.target, oracle: world.oracle }[what] ?? world;
  if (name.includes('=')) Reflect.set(subject, member, args[0]);
  else Reflect.apply(Reflect.get(subject, member) as (...given: unknown[]) => unknown, subject, args);
}
