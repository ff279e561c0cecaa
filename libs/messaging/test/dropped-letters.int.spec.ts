import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { eventually } from '@dsops/testing';
import { World } from '../src/conformance/world.js';
import { listLetters, type Letter } from '../src/letters/letter.repository.js';
import { drop, replay } from '../src/dead-letters/replay.service.js';
import { openHarness } from './harness.js';

describe('a dead letter that is given up', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.around(await openHarness());
  });
  afterEach(() => world.end());

  const poison = ({ text }: { text: string }) => {
    if (text.startsWith('poison')) throw new Error('broken');
  };
  const lettersOf = (filter: Partial<Parameters<typeof listLetters>[1]> = {}): Promise<Letter[]> =>
    listLetters(world.harness.consumer, { status: 'open', limit: 10, before: undefined, ...filter });
  const onlyLetter = () =>
    eventually(async () => {
      const letters = await lettersOf();
      expect(letters).toHaveLength(1);
      return letters[0]!;
    });

  it('lets its key go on without it, and is never applied', async () => {
    const { transport } = await world.open();
    const { consumer } = await world.join({ transport, behaviour: poison, hasSweep: false });
    world.relay(transport);
    await world.say('a', 'before', 'poison', 'after', 'later');
    const letter = await onlyLetter();
    const dropped = await drop(world.harness.consumer, [consumer], letter.id, 'ada: broken by hand');
    expect(dropped).toMatchObject({ status: 'dropped', note: 'ada: broken by hand' });
    expect(await world.textsOf('a')).toEqual(['before', 'after', 'later']);
    // The transport may bring it again, and somebody may try to replay it.
    await transport.publish([
      { topic: letter.topic as 'rotation-events', key: 'a', event: JSON.parse(letter.body) as never },
    ]);
    await world.say('a', 'last');
    await eventually(async () => expect(await world.textsOf('a')).toEqual(['before', 'after', 'later', 'last']));
    expect(await replay(world.harness.consumer, [consumer], letter.id)).toMatchObject({ status: 'dropped' });
    expect(await lettersOf()).toEqual([]);
    expect(await world.textsOf('a')).toHaveLength(4);
  });

  it('keeps its first note when it is given up twice', async () => {
    const { transport } = await world.open();
    const { consumer } = await world.join({ transport, behaviour: poison, hasSweep: false });
    world.relay(transport);
    await world.say('a', 'poison');
    const { id } = await onlyLetter();
    const drops = await Promise.all(['one', 'two'].map((note) => drop(world.harness.consumer, [consumer], id, note)));
    expect(new Set(drops.map(({ note }) => note)).size).toBe(1);
  });

  it('is closed where its key went on already', async () => {
    const { transport } = await world.open();
    const declaration = { deadLetter: 'releases', retryDelaysMs: [] } as const;
    const { consumer } = await world.join({ transport, behaviour: poison, hasSweep: false, declaration });
    world.relay(transport);
    await world.say('a', 'poison', 'after');
    const { id } = await onlyLetter();
    await eventually(async () => expect(await world.textsOf('a')).toEqual(['after']));
    await drop(world.harness.consumer, [consumer], id, 'ada: too late');
    expect(await lettersOf({ status: 'dropped' })).toMatchObject([{ id, note: 'ada: too late' }]);
    expect(await world.textsOf('a')).toEqual(['after']);
  });

  it('is found by what it is about', async () => {
    const { transport } = await world.open();
    await world.join({ transport, behaviour: poison, hasSweep: false });
    world.relay(transport);
    await world.say('a', 'poison a');
    await world.say('b', 'poison b');
    await eventually(async () => expect(await lettersOf()).toHaveLength(2));
    expect(await lettersOf({ key: 'b' })).toMatchObject([{ key: 'b' }]);
    expect(
      await lettersOf({ type: rotationStarted.type, topic: 'rotation-events', consumer: 'listener' }),
    ).toHaveLength(2);
    expect(await lettersOf({ consumer: 'somebody else' })).toEqual([]);
  });
});
