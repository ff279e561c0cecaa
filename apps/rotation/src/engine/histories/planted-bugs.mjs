/**
 * Shows that the histories can see: each known way of breaking a rule of the engine is planted as a patch on a copy of
 * the source, and the histories have to name a breach. A patch that no longer fits the source fails, too.
 *
 *   node apps/rotation/src/engine/histories/planted-bugs.mjs [--runs 4000] [--seed 1] [--only <part of a name>]
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const engine = dirname(here);
const service = resolve(engine, '../..');
const workspace = resolve(service, '../..');

/** name, file below engine/, what stands there, what is planted. Every occurrence is replaced. */
const BUGS = [
  [
    'the target hears of the value before it is sealed',
    'paths.ts',
    `'generate',\n    'set',`,
    `'set',\n    'generate',`,
  ],
  [
    'a lost answer is taken for a failure',
    'fold.ts',
    `    case 'lost':\n      return {};`,
    `    case 'lost':\n      return { session: null, ...answer(rotation, 'refused', null), newValue: 'absent' };`,
  ],
  [
    'a lost answer is taken for a success',
    'fold.ts',
    `    case 'lost':\n      return {};`,
    `    case 'lost':\n      return { session: null, ...answer(rotation, 'applied', null) };`,
  ],
  [
    'the abandoned session is not ended',
    'attempt.ts',
    `  if (abandonment.by === 'ending-session') return { do: 'end-session', identity: session.identity };`,
    `  if (abandonment.by === 'ending-session') return journal({ kind: 'attempt-over', because: 'bound-passed' });`,
  ],
  [
    'the bound of an abandoned attempt is not waited for',
    'attempt.ts',
    `if (nowMs < overAtMs) return wait(overAtMs);`,
    ``,
  ],
  [
    'a slot that was never proven idle is taken for idle',
    'plan.ts',
    `occupant: occupant && targetSlot !== current?.slot ? refOf(occupant) : null,`,
    `occupant: null,`,
  ],
  [
    'labels move without compare-and-set',
    'histories/model-store.ts',
    `if ((before?.id ?? null) !== from) return false;`,
    ``,
  ],
  [
    'the fence is ignored',
    'histories/model-store.ts',
    `if (fence !== null && rotation.fence !== fence) return false;`,
    ``,
  ],
  [
    'retire goes by position instead of the recorded id',
    'attempt.ts',
    `: { do: 'retire', ...common, ends: version.id,`,
    `: { do: 'retire', ...common, slot: 'app_a', ends: version.id,`,
  ],
  [
    'the new value is promoted unproven',
    'paths.ts',
    `'probe-new',\n    'rollout',\n    'promote',`,
    `'rollout',\n    'promote',\n    'probe-new',`,
  ],
  [
    'grace and check-outs are not waited for',
    'guard.ts',
    `if (question.waiver === null) {`,
    `if (false) {`,
    'steps.ts',
    `const untilMs = Math.max(graceEndsAtMs, heldUntilMs);`,
    `const untilMs = nowMs;`,
  ],
  [
    'probes made before a command still count after it',
    'fold.ts',
    `filter(([key]) => !void_.has(key))`,
    `filter(([key]) => key !== '' || void_.has(key))`,
  ],
  [
    'in place the old value is not tried before it is overwritten',
    'steps.ts',
    `if (seen === 'refused') return failed(currentRefused(plan.oldVersion.slot));`,
    ``,
  ],
  [
    'an answer within the propagation time counts',
    'evidence.ts',
    `if (change && propagationMs > 0 &&`,
    `if (change && propagationMs < 0 &&`,
  ],
  ['a clock that was set counts as waiting', 'clock-watch.ts', `? overMs + aheadMs : overMs`, `? overMs : overMs`],
  ['the lock-out budget is not kept', 'evidence.ts', `if (tooMany) return`, `if (false && tooMany) return`],
  [
    'a rollback begins after the retire intent',
    'rotation.ts',
    `if (rotation.isRetireIntended || rotation.done.includes('probe-old-refused')) return 'retire-intended';`,
    ``,
  ],
];

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '4000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});

async function plant([name, ...patches]) {
  const folder = await mkdtemp(join(tmpdir(), 'dsops-planted-'));
  try {
    await cp(engine, join(folder, 'src/engine'), { recursive: true });
    await mkdir(join(folder, 'node_modules'));
    await symlink(join(service, 'node_modules/@dsops'), join(folder, 'node_modules/@dsops'), 'junction');
    await symlink(join(workspace, 'node_modules/fast-check'), join(folder, 'node_modules/fast-check'), 'junction');
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    for (let i = 0; i < patches.length; i += 3) {
      const path = join(folder, 'src/engine', patches[i]);
      const text = await readFile(path, 'utf8');
      if (!text.includes(patches[i + 1]))
        return { name, caught: null, problem: `${patches[i]} has changed: renew the patch` };
      await writeFile(path, text.replaceAll(patches[i + 1], patches[i + 2]));
    }
    const output = await new Promise((done) => {
      const args = [
        '--experimental-transform-types',
        '--disable-warning=ExperimentalWarning',
        '--conditions=@dsops/source',
      ];
      const program = join(folder, 'src/engine/histories/run-from-source.mjs');
      const options = ['--runs', values.runs, '--seed', values.seed, '--no-shrink', '--json'];
      execFile(process.execPath, [...args, program, ...options], { maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
        done(stdout.trim() === '' ? { message: null, problem: stderr.slice(0, 500) } : JSON.parse(stdout)),
      );
    });
    return { name, caught: output.message, runs: output.runs, problem: output.problem };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const startedAt = performance.now();
const wanted = BUGS.filter(([name]) => !values.only || name.includes(values.only));
const queue = [['(nothing planted)'], ...wanted];
const results = [];
// Two at a time: more would only compete for the cores.
await Promise.all(
  [0, 1].map(async () => {
    for (let bug = queue.shift(); bug; bug = queue.shift()) results.push(await plant(bug));
  }),
);
let isGood = true;
for (const { name, caught, runs, problem } of results) {
  const isSound = name === '(nothing planted)';
  const isRight = !problem && (isSound ? !caught : Boolean(caught));
  isGood &&= isRight;
  console.log(
    `${isRight ? '✓' : '✗'} ${name}: ${problem ?? (caught ? `${caught.replace(/^Error: /, '')} (history ${runs})` : `${runs} histories, no breach`)}`,
  );
}
console.log(`${wanted.length} planted bugs, ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`);
process.exitCode = isGood ? 0 : 1;
