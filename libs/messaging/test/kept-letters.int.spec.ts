import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventRegistry } from '@dsops/contracts/event-registry';
import type { RetryPolicy } from '@dsops/contracts/retry-policy';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { eventually } from '@dsops/testing';
import { World } from '../src/conformance/world.js';
import { listLetters, pruneLetters } from '../src/letters/letter.repository.js';
import { drop } from '../src/dead-letters/replay.service.js';
import { openHarness } from './harness.js';

const registryWith = (retries: RetryPolicy) =>
  new Map(eventRegistry).set(rotationStarted.type, { ...rotationStarted, retries });

describe('dead letters by the policy of their type', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.around(await openHarness());
  });
  afterEach(() => world.end());

  const lettersIn = (status: 'open' | 'dropped') =>
    listLetters(world.harness.consumer, { status, limit: 10, before: undefined });
  /** A consumer that fails with everything, and the letter of its only event. */
  const aLetter = async (deadLetter: 'blocks' | 'releases', retries: RetryPolicy) => {
    const behaviour = () => {
      throw new Error('broken');
    };
    const { transport } = await world.open();
    const declaration = { deadLetter, retryDelaysMs: [600_000] };
    const { consumer } = await world.join({
      transport,
      behaviour,
      registry: registryWith(retries),
      declaration,
      hasSweep: false,
    });
    const relay = world.relay(transport);
    await world.say('a', 'poison');
    const letter = await eventually(async () => {
      const [first] = await lettersIn('open');
      expect(first).toBeDefined();
      return first!;
    });
    await relay.stop();
    return { letter, consumer };
  };
  const setBack = (days: number) =>
    world.harness.execute(`update notification.dead_letters set created_at = created_at - interval '${days} days',
      closed_at = closed_at - interval '${days} days'`);

  it('come after the waits of the type, not those of the consumer', async () => {
    const { letter } = await aLetter('releases', { delaysMs: [10, 10], keepLettersDays: 7 });
    expect(letter).toMatchObject({ attempts: 3, keepDays: 7 });
  });

  it('are removed when their days are over, and not before', async () => {
    await aLetter('releases', { delaysMs: [], keepLettersDays: 7 });
    await setBack(6);
    expect(await pruneLetters(world.harness.consumer)).toBe(0);
    await setBack(1);
    expect(await pruneLetters(world.harness.consumer)).toBe(1);
    expect(await lettersIn('open')).toEqual([]);
  });

  it('are removed by the relay of their service', async () => {
    await aLetter('releases', { delaysMs: [], keepLettersDays: 7 });
    await setBack(7);
    const { transport } = await world.open();
    world.relay(transport, 'notification');
    await eventually(async () => expect(await lettersIn('open')).toEqual([]));
  });

  it('are never removed while they block their key; their days begin when they are settled', async () => {
    const { letter, consumer } = await aLetter('blocks', { delaysMs: [], keepLettersDays: 7 });
    await setBack(400);
    expect(await pruneLetters(world.harness.consumer)).toBe(0);
    await drop(world.harness.consumer, [consumer], letter.id, 'ada: broken by hand');
    expect(await pruneLetters(world.harness.consumer)).toBe(0);
    await setBack(7);
    expect(await pruneLetters(world.harness.consumer)).toBe(1);
    expect(await lettersIn('dropped')).toEqual([]);
  });
});
