import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Interruption } from '../../harness/interruption.js';
import { Course } from './course.js';
import { documentOf, problemsIn, tablesOf, textOf } from './report.js';
import type { CoursePlan } from './steps.js';
import { VICTIM_NAMES, type VictimName } from './victims.js';
import { StackWorld } from './world.js';

/** Options as tools/events.mjs explains them. */
const { values } = parseArgs({
  options: {
    commands: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '5' },
    victim: { type: 'string', multiple: true, default: [...VICTIM_NAMES] },
    replicas: { type: 'string', default: '1,3,12,2' },
    'no-sweep': { type: 'boolean', default: false },
    patience: { type: 'string', default: '180' },
    docs: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

function refuse(message: string): never {
  process.stderr.write(`${message}\nSee --help.\n`);
  process.exit(2);
}

const wholeFrom = (least: number, name: string, text: string): number =>
  /^\d{1,7}$/.test(text) && Number(text) >= least
    ? Number(text)
    : refuse(`--${name} takes whole numbers from ${least}.`);
const isVictim = (name: string): name is VictimName => VICTIM_NAMES.some((victim) => victim === name);

const strange = values.victim.find((name) => !isVictim(name));
if (strange !== undefined) refuse(`There is no victim "${strange}". Victims: ${VICTIM_NAMES.join(', ')}.`);
const plan: CoursePlan = {
  commands: wholeFrom(1, 'commands', values.commands),
  keys: 200,
  victims: values.victim.filter(isVictim),
  killsEach: wholeFrom(0, 'kills', values.kills),
  replicas: values.replicas.split(',').map((count) => wholeFrom(1, 'replicas', count)),
  patienceMs: wholeFrom(1, 'patience', values.patience) * 1_000,
};
/** How this run was asked for, without where the page goes. */
const given = process.argv.slice(2);
const docsAt = given.indexOf('--docs');
const command = ['pnpm test:events --stack', ...(docsAt === -1 ? given : given.toSpliced(docsAt, 2))].join(' ');

let world: StackWorld | undefined;
const startedMs = performance.now();
const tell = (line: string) => {
  const at = ((performance.now() - startedMs) / 1_000).toFixed(0).padStart(5);
  if (!interruption.isHere) process.stderr.write(`${at} s  ${line}\n`);
};
const interruption = new Interruption(async () => (await starting).stop());

tell('starting Kafka, PostgreSQL, producers and the first consumer');
const starting = StackWorld.start({ hasSweep: !values['no-sweep'] });
try {
  world = await starting;
  const result = await new Course(world, plan, tell).run();
  await interruption.orElse();
  const problems = problemsIn(result, plan);
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ ...result, problems }, null, 2)}\n`
      : `${tablesOf(result, plan).map(textOf).join('\n')}\n\n`,
  );
  for (const problem of problems) process.stdout.write(values.json ? '' : `WRONG: ${problem}\n`);
  if (values.docs !== undefined) writeFileSync(values.docs, documentOf(result, plan, command));
  process.exitCode = problems.length === 0 ? 0 : 1;
} catch (error) {
  await interruption.orElse();
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await world?.stop();
}
