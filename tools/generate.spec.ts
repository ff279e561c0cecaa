import { afterAll, describe, expect, it } from '@jest/globals';
import { installed, PlantedWorkspace } from './lint/planted-workspace.js';

const EVENTS = 'libs/contracts/src/rotation/events.ts';
const LIST = 'libs/contracts/src/services.ts';
const RECORD = 'libs/contracts/generated/events/dsops.rotation.rotation.started.v1.json';
const PAGE = 'docs/generated/event-flow.md';

/** The real contracts in a folder of their own, so that they can be changed. */
const copied = [
  'tools/generate.mjs',
  'tools/run.mjs',
  'tools/terminal.mjs',
  'tools/wiring.mjs',
  'tsconfig.base.json',
  'compose.yaml',
  'apps/standalone/package.json',
  'libs/contracts',
  'libs/contracts-generate',
  'libs/kernel',
];
const workspace = new PlantedWorkspace(copied);
workspace.link('libs/kernel', 'libs/contracts/node_modules/@dsops/kernel');
workspace.link(installed('zod'), 'libs/contracts/node_modules/zod');
workspace.link('libs/contracts', 'libs/contracts-generate/node_modules/@dsops/contracts');
workspace.link(installed('zod'), 'libs/contracts-generate/node_modules/zod');
workspace.link(installed('yaml'), 'libs/contracts-generate/node_modules/yaml');
workspace.link(installed('ulid'), 'libs/kernel/node_modules/ulid');

const generate = async (...options: string[]) => {
  const { code, stdout, stderr } = await workspace.run(['tools/generate.mjs', ...options]);
  return { code, text: stdout + stderr };
};

function change(path: string, from: string, to: string): void {
  const before = workspace.read(path);
  expect(before).toContain(from);
  workspace.write(path, before.replace(from, to));
}

describe('generate', () => {
  afterAll(() => workspace.remove());

  it('writes what is missing, and finds it fresh from then on', async () => {
    expect(await generate('--check')).toMatchObject({ code: 1, text: expect.stringContaining(`${PAGE} is missing`) });
    expect(await generate()).toMatchObject({ code: 0 });
    expect(await generate('--check')).toMatchObject({ code: 0, text: expect.stringContaining('up to date') });
  }, 60_000);

  it('names each stale file, and the command that mends it', async () => {
    change(PAGE, '# The event flow', '# The flow of events');
    workspace.write('docs/generated/old.md', 'left over');
    const { code, text } = await generate('--check');
    expect(code).toBe(1);
    expect(text).toContain(`${PAGE} differs`);
    expect(text).toContain('docs/generated/old.md is generated no longer');
    expect(text).toContain('node tools/generate.mjs');
  }, 60_000);

  it('refuses an event that nobody could read any more, and says which version to define', async () => {
    const recorded = workspace.read(RECORD);
    change(EVENTS, "trigger: z.enum(['manual', 'schedule']), reason", "trigger: z.enum(['manual']), reason");
    for (const options of [['--check'], []]) {
      const { code, text } = await generate(...options);
      expect(code).toBe(1);
      expect(text).toContain('trigger: "schedule" may no longer stand there');
      expect(text).toContain('Define dsops.rotation.rotation.started.v2');
    }
    expect(workspace.read(RECORD)).toBe(recorded);

    expect(await generate('--forget', 'dsops.rotation.rotation.started.v1')).toMatchObject({ code: 0 });
    expect(workspace.read(RECORD)).not.toBe(recorded);
    expect(workspace.read(PAGE)).toContain('# The event flow');
  }, 60_000);

  it('records a change that consumers can take, and tells that they come first', async () => {
    change(EVENTS, "trigger: z.enum(['manual']), reason", "trigger: z.enum(['manual', 'timer']), reason");
    expect(await generate()).toMatchObject({
      code: 0,
      text: expect.stringMatching(
        /Every consumer must run this release before[^]*trigger: "timer" may stand there now/,
      ),
    });
  }, 60_000);

  it('takes up a service that one line declares: its topic, its events, its sidecar', async () => {
    workspace.write(
      'libs/contracts/src/weather/service.ts',
      `export const weather = {
        name: 'weather', owns: 'how it is outside', topics: ['weather-events'], files: [], seals: false, door: 'internal',
      } as const;`,
    );
    workspace.write(
      'libs/contracts/src/weather/events.ts',
      `import { z } from 'zod';
      import { defineEvent } from '../define-event.js';
      import { systemActor } from '../principal.js';
      export const checked = defineEvent({
        type: 'dsops.weather.check.done.v1', topic: 'weather-events', producer: 'weather', key: 'check id',
        fields: { isWell: z.boolean() }, description: 'Looked.', example: { isWell: true, actor: systemActor },
      });`,
    );
    workspace.write(LIST, `${workspace.read(LIST)}export { weather } from './weather/service.js';\n`);
    expect((await generate('--check')).code).toBe(1);
    expect(await generate()).toMatchObject({ code: 0 });
    expect(JSON.parse(workspace.read('libs/contracts/generated/topics.json'))).toContainEqual(
      expect.objectContaining({ topic: 'weather-events', producers: ['weather'], consumers: ['audit', 'feed'] }),
    );
    expect(workspace.read('dapr/config/weather.yaml')).toContain('database-password-weather');
    const compose = workspace.read('compose.yaml');
    for (const part of ['pubsub-weather-events.yaml', 'DSOPS_DATABASE_PASSWORD_WEATHER', 'service:weather'])
      expect(compose).toContain(part);
    expect(compose).toContain('# Makes the keys, the database, schemas and roles');
    expect(workspace.read('apps/standalone/src/generated/services.ts')).toContain("from '@dsops/weather'");
    expect(JSON.parse(workspace.read('apps/standalone/package.json'))).toMatchObject({
      dependencies: { '@dsops/audit': 'workspace:*', '@dsops/weather': 'workspace:*' },
    });
    expect(await generate('--check')).toMatchObject({ code: 0 });
  }, 60_000);

  it('refuses a compose.yaml that a part is missing from', async () => {
    const whole = workspace.read('compose.yaml');
    change('compose.yaml', '# Generated from libs/contracts: passwords', '# Passwords');
    expect(await generate()).toMatchObject({ code: 1, text: expect.stringContaining('has no part "passwords"') });
    workspace.write('compose.yaml', whole);
  }, 60_000);

  it('refuses a service that is declared and not in the list', async () => {
    change(LIST, "export { weather } from './weather/service.js';\n", '');
    const { code, text } = await generate();
    expect(code).toBe(1);
    expect(text).toContain('services.ts does not list weather');
    expect(text).not.toContain('    at ');
    workspace.write(LIST, `${workspace.read(LIST)}export { weather } from './weather/service.js';\n`);
  }, 60_000);

  it('refuses a service that is listed twice', async () => {
    const list = workspace.read(LIST);
    workspace.write(LIST, `${list}export { weather } from './weather/service.js';\n`);
    expect(await generate()).toMatchObject({ code: 1, text: expect.stringContaining('lists weather twice') });
    workspace.write(LIST, list);
  }, 60_000);

  it('refuses a line in the list that declares no service', async () => {
    change(LIST, "export { weather } from './weather/service.js'", "export { weather } from './other/service.js'");
    expect(await generate()).toMatchObject({ code: 1, text: expect.stringContaining('./other/service.js') });
  }, 60_000);
});
