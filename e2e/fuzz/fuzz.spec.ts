import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFaultBefore, type Tampered } from './fault-before.js';
import { runFuzz, type FuzzFinding } from './run.js';
import { FuzzWorld } from './world.js';

/** A small, fixed part of what `pnpm test:fuzz` asks. */
describe('the API, asked by strangers', () => {
  let world: FuzzWorld;
  beforeAll(async () => void (world = await FuzzWorld.start()));
  afterAll(() => world.stop());

  it('answers everything as its OpenAPI document says, and the service still works afterwards', async () => {
    const { findings, operations } = await runFuzz(world, { runs: 2, seed: 1, operations: [], lanes: 4 });
    expect(findings).toEqual([]);
    expect(operations.length).toBe(world.contract.endpoints.length);
    expect(world.leaksInLog()).toEqual([]);
    await world.assertIntact();
  });

  describe('with a fault in it', () => {
    /** What a run finds when this is done to the answers of one operation. */
    async function findingsWith(
      operation: string,
      tamper: (answer: Tampered) => void,
    ): Promise<readonly FuzzFinding[]> {
      const before = await startFaultBefore(world.installation.url, (_, answer) => tamper(answer));
      world.url = before.url;
      try {
        return (await runFuzz(world, { runs: 20, seed: 2, operations: [operation], lanes: 1 })).findings;
      } finally {
        world.url = world.installation.url;
        await before.close();
      }
    }
    const onYes = (change: (answer: Tampered) => void) => (answer: Tampered) => {
      if (answer.status < 300) change(answer);
    };
    const onNo = (change: (answer: Tampered) => void) => (answer: Tampered) => {
      if (answer.status >= 400) change(answer);
    };
    const replace = (from: string | RegExp, to: string) => (answer: Tampered) =>
      void (answer.text = answer.text.replace(from, to));

    it.each<[string, string, (answer: Tampered) => void, FuzzFinding['fault']['kind'], RegExp]>([
      ['an error of its own', 'getSystem', onYes((answer) => void (answer.status = 500)), 'server error', /^500 /],
      [
        'a field of another type',
        'getSystem',
        onYes(replace(/"apiVersion":\d+/, '"apiVersion":"1"')),
        'body',
        /apiVersion must be integer/,
      ],
      ['a field that is missing', 'getInstallation', onYes(replace('"mode"', '"mood"')), 'body', /'mode'/],
      [
        'another status',
        'listServices',
        onYes((answer) => void (answer.status = 201)),
        'status',
        /^201 instead of 200$/,
      ],
      ['a body that is none', 'countUnread', onYes((answer) => void (answer.text = '<html>')), 'body', /no JSON/],
      [
        'a problem that does not say what to do',
        'getRotation',
        onNo(replace(/"remedy":"[^"]*",?/, '')),
        'problem',
        /what to do/,
      ],
      [
        'a problem that is not declared as one',
        'getRotation',
        onNo((answer) => void (answer.contentType = 'application/json')),
        'problem',
        /declared as application\/json/,
      ],
      [
        'a secret in it',
        'listServices',
        onYes(replace('"items"', `"was":"SECRET","items"`)),
        'leak',
        /^the first API key/,
      ],
      [
        'a place in the code in it',
        'getRotation',
        onNo(replace('"detail":"', '"detail":"Error\\n    at find (file.ts:1:2) node_modules ')),
        'internals',
        /node_modules/,
      ],
      ['an open door', 'verifyAudit', openTheDoor, 'rights', /was let in/],
    ])('tells %s', async (_, operation, tamper, kind, text) => {
      const secret = world.installation.home.adminKey;
      const findings = await findingsWith(operation, (answer) => {
        tamper(answer);
        answer.text = answer.text.replace('SECRET', secret);
      });
      const told = findings.find(({ fault }) => fault.kind === kind && text.test(fault.text));
      expect({ told: told?.fault.kind, all: told ? [] : findings.map(({ fault }) => fault) }).toEqual({
        told: kind,
        all: [],
      });
      expect(told?.request).toMatch(/^(GET|HEAD) \/api\/v1\//);
    });
  });
});

/** Whoever asks gets what only others may have. */
function openTheDoor(answer: Tampered): void {
  if (answer.status !== 401) return;
  answer.status = 200;
  answer.contentType = 'application/json';
  answer.text =
    '{"entries":0,"head":null,"firstBroken":null,"keptPosition":null,"missing":0,"isRewritten":false,"beyond":0}';
}
