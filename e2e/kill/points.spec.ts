import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Points } from './points.js';
import { pointKey, type Point } from './protocol.js';

const rotation: Point = { effect: 'waiting', when: 'before', occurrence: 1 };
const request: Point = { effect: 'rollback-requested', when: 'before', occurrence: 1 };

describe('points', () => {
  const standing = async () => {
    const told: string[] = [];
    const gone: string[] = [];
    const points = new Points(new Set([pointKey(rotation), pointKey(request)]), (is, { effect }) =>
      told.push(`${is} ${effect}`),
    );
    for (const { effect, when } of [rotation, request]) void points.pass(effect, when).then(() => gone.push(effect));
    await setImmediate();
    return { points, told, gone };
  };

  it('at which one stands still are told, and nobody goes on alone', async () => {
    const { told, gone } = await standing();
    expect(told).toEqual(['standing waiting', 'standing rollback-requested']);
    expect(gone).toEqual([]);
  });

  it('let only the one go that is meant', async () => {
    const { points, gone } = await standing();
    points.go(pointKey(request), false);
    await setImmediate();
    expect(gone).toEqual(['rollback-requested']);
    points.go(null, false);
    await setImmediate();
    expect(gone).toEqual(['rollback-requested', 'waiting']);
  });

  it('stop once more at the next one when that is wanted', async () => {
    const { points, told } = await standing();
    points.go(null, true);
    void points.pass('publish', 'before');
    await points.pass('publish', 'after');
    expect(told.slice(2)).toEqual(['standing publish', 'passed publish']);
  });
});
