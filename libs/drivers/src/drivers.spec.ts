import { describe, expect, it } from '@jest/globals';
import { declarations } from '@dsops/contracts/rotation/targets/declarations';
import { Drivers, differences, makeDrivers } from './drivers.js';
import * as kinds from './kinds.js';
import { worldOf } from './kit/world.js';

describe('the drivers of a process', () => {
  it('are one for each kind that is declared', () => {
    const drivers = new Drivers();
    for (const kind of declarations.keys()) expect(drivers.of(kind).kind).toBe(kind);
  });

  it('are refused by name where a kind has none, two, or is not declared', () => {
    const stray = Object.assign(Object.create(makeDrivers()[0]!) as object, { kind: 'oracle' });
    const given = [...makeDrivers().slice(1), makeDrivers()[1]!, stray as never];
    const missing = makeDrivers()[0]!.kind;
    expect(() => new Drivers(given)).toThrow(
      expect.objectContaining({
        code: 'drivers_incomplete',
        message: expect.stringContaining(`${missing} is declared`),
      }),
    );
    expect(differences(['a', 'b'], ['b', 'b', 'c'])).toEqual([
      'a is declared and has no driver',
      'c has a driver and is not declared',
      'b has two drivers',
    ]);
  });

  it('are refused for a kind that nobody knows, with those that there are', () => {
    expect(() => new Drivers().of('oracle')).toThrow(
      expect.objectContaining({ code: 'type_unknown', details: expect.objectContaining({ path: 'type' }) }),
    );
  });

  it.each(Object.keys(kinds))('bring a world: %s', async (kind) => {
    const world = await worldOf(kind);
    expect([typeof world.startWorld, typeof world.openObserver]).toEqual(['function', 'function']);
  });
});
