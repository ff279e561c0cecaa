/**
 * What is proven of a commit, and how much of it. The tests, the check and a newcomer's start always and whole. Of each
 * longer proof a slice that the commit draws, of three minutes at most on two cores, so that one commit after the other
 * walks through all of it; twice as much where the commit touches what the proof is about.
 */
import { createHash } from 'node:crypto';

const ROTATION = /^(apps\/rotation|libs\/(drivers|sealing|database|kernel|contracts)|e2e\/(kill|harness))\//;
const EVENTS = /^(libs\/(messaging|background|database|service|platform|broker)|e2e\/(events|harness)|dapr|stack)\//;
const API = /^(apps\/(gateway|rotation|audit|notification)|libs\/(contracts|platform)|e2e\/fuzz)\//;
const VICTIMS = ['broker', 'sidecar', 'consumer', 'producer', 'relay', 'database'];

/**
 * `of`: how many slices there are when nothing is touched; without it, all of it is done every time. `args` gets the
 * number of the slice, from 1, and how many there are. `needsStack`: Go, Java, Maven, and minutes for the first build.
 */
export const PARTS = [
  { name: 'test', tool: 'test.mjs' },
  { name: 'check', tool: 'check.mjs' },
  { name: 'newcomer', tool: 'newcomer.mjs' },
  { name: 'drivers', tool: 'drivers.mjs' },
  { name: 'planted', tool: 'planted.mjs', args: () => ['--runs', '2000'] },
  { name: 'restore', tool: 'restore.mjs' },
  {
    name: 'histories',
    tool: 'histories.mjs',
    of: 1_000_000,
    touchedBy: /^apps\/rotation\/src\/engine\//,
    args: (slice, of, isTouched) => ['--seed', `${slice}`, '--runs', isTouched ? '6000' : '3000'],
  },
  { name: 'kill', tool: 'kill.mjs', of: 24, touchedBy: ROTATION, args: shard },
  {
    name: 'planted kills',
    tool: 'planted.mjs',
    of: 6,
    touchedBy: /^e2e\/(kill|planted)\//,
    args: (...slice) => ['--kills', ...shard(...slice)],
  },
  {
    name: 'fuzz',
    tool: 'fuzz.mjs',
    of: 1_000_000,
    touchedBy: API,
    args: (slice, of, isTouched) => ['--seed', `${slice}`, '--runs', isTouched ? '40' : '20'],
  },
  {
    name: 'events',
    tool: 'events.mjs',
    touchedBy: EVENTS,
    args: (slice, of, isTouched) => ['--commands', isTouched ? '6000' : '3000'],
  },
  {
    name: 'stack',
    tool: 'test-stack.mjs',
    of: 6,
    touchedBy: EVENTS,
    needsStack: true,
    args: (slice, of) => [`--shard=${slice}/${of}`],
  },
  {
    name: 'kill on the stack',
    tool: 'kill.mjs',
    of: 60,
    touchedBy: ROTATION,
    needsStack: true,
    args: (...slice) => ['--stack', ...shard(...slice)],
  },
  {
    name: 'events on the stack',
    tool: 'events.mjs',
    of: VICTIMS.length,
    touchedBy: EVENTS,
    needsStack: true,
    args: (slice, of) => [
      ...['--stack', '--commands', '4000', '--kills', '2', '--replicas', '1,2'],
      ...VICTIMS.filter((_, n) => n % of === slice - 1).flatMap((victim) => ['--victim', victim]),
    ],
  },
  {
    name: 'planted events',
    tool: 'planted.mjs',
    of: 3,
    touchedBy: /^e2e\/(events|planted)\//,
    needsStack: true,
    args: (...slice) => ['--stack', ...shard(...slice)],
  },
];

function shard(slice, of) {
  return ['--shard', `${slice}/${of}`];
}

/** How much more of a proof whose subject is touched. */
const TOUCHED = 2;

/**
 * The parts with their arguments, and which slice that is.
 * @param commit its hash; every part draws from it by itself
 * @param changed paths of the files that it changes
 */
export function partsFor(commit, changed) {
  return PARTS.map(({ name, tool, of, touchedBy, args = () => [] }) => {
    const isTouched = touchedBy !== undefined && changed.some((path) => touchedBy.test(path));
    const slices = of === undefined ? 1 : Math.ceil(of / (isTouched ? TOUCHED : 1));
    const draw = createHash('sha256').update(`${commit} ${name}`).digest().readUInt32BE();
    const slice = 1 + (draw % slices);
    return { name, tool, args: args(slice, slices, isTouched), isTouched };
  });
}
