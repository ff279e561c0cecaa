import { describe, expect, it } from '@jest/globals';
import { judgeHeard, type SaidEvent } from './event-listener.js';

const event = (key: string, sequence: number): SaidEvent => ({ key, sequence, id: `${key}-${sequence}` });
const said = [event('a', 1), event('b', 1), event('a', 2), event('a', 3)];
const faultsOf = (heard: readonly SaidEvent[]) => judgeHeard(said, heard).map(({ detail }) => detail);

describe('what a listener heard of a rotation', () => {
  it('may come twice, and across keys in any order', () =>
    expect(
      faultsOf([event('a', 1), event('a', 2), event('a', 1), event('a', 2), event('b', 1), event('a', 3)]),
    ).toEqual([]));

  it('is a breach when something is missing', () =>
    expect(faultsOf([event('a', 1), event('b', 1), event('a', 2)])).toEqual(['never arrived: a#3']));

  it('is a breach when it is out of order', () =>
    expect(faultsOf([event('a', 1), event('a', 3), event('a', 2), event('b', 1)])).toContain('a#3 arrived behind #1'));

  it('is a breach when it was never said, or another one was said there', () =>
    expect(faultsOf([...said, { key: 'a', sequence: 4, id: 'x' }])).toEqual(['a#4 arrived and was never said so']));
});
