import assert from 'node:assert/strict';
import { eventRegistry } from '@dsops/contracts/event-registry';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { DomainError } from '@dsops/kernel';
import { listLetters, type Letter } from '../letters/letter.repository.js';
import { replay } from '../dead-letters/replay.service.js';
import { anEvent } from './an-event.js';
import { ChaosTransport } from './chaos-transport.js';
import { World, type ConformanceHarness } from './world.js';

export { ChaosTransport, type Chaos } from './chaos-transport.js';
export { anEvent } from './an-event.js';
export type { ConformanceHarness, OpenTransport } from './world.js';

export interface ConformanceCase {
  readonly name: string;
  run(openHarness: () => Promise<ConformanceHarness>): Promise<void>;
}

/** Tries until it holds. Deadlines are generous: a transport may have a broker and a network behind it. */
async function eventually(assertion: () => Promise<void>, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

const cases: ConformanceCase[] = [];

function aCase(name: string, check: (world: World) => Promise<void>): void {
  cases.push({
    name,
    run: async (openHarness) => {
      const world = await World.around(await openHarness());
      try {
        await check(world);
      } finally {
        await world.end();
      }
    },
  });
}

const numbers = (count: number, from = 1): string[] => Array.from({ length: count }, (_, n) => String(n + from));

const openLetters = (world: World): Promise<Letter[]> =>
  listLetters(world.harness.consumer, { status: 'open', limit: 100, before: undefined });

/** An event as it would come from another release of the producer. */
const foreignEvent = (key: string, sequence: number, change: Partial<EventEnvelope>): EventEnvelope =>
  anEvent(key, sequence, { data: { ...rotationStarted.example, reason: 'foreign' }, ...change });

aCase('brings every event to every consumer of the topic, in the order of its key', async (world) => {
  const { transport } = await world.open();
  await world.join({ transport, name: 'first', hasSweep: false });
  await world.join({ transport, name: 'second', hasSweep: false });
  world.relay(transport);
  await Promise.all(['a', 'b', 'c'].map((key) => world.say(key, ...numbers(20))));
  for (const name of ['first', 'second'])
    for (const key of ['a', 'b', 'c'])
      await eventually(async () => assert.deepEqual(await world.textsOf(key, name), numbers(20)));
});

aCase('tries a failed event again while later events of its key wait and other keys go on', async (world) => {
  const { transport } = await world.open();
  let isReady = false;
  let failures = 0;
  const behaviour = ({ text }: { text: string }) => {
    if (text !== 'weak' || isReady) return;
    failures += 1;
    throw new Error('not yet');
  };
  const retryDelaysMs = Array.from({ length: 400 }, () => 50);
  await world.join({ transport, behaviour, hasSweep: false, declaration: { retryDelaysMs } });
  world.relay(transport);
  await world.say('a', 'before', 'weak', 'after');
  await world.say('b', ...numbers(3));
  await eventually(async () => assert.deepEqual(await world.textsOf('b'), numbers(3)));
  await eventually(async () => assert.ok(failures >= 6));
  assert.deepEqual(await world.textsOf('a'), ['before']);
  isReady = true;
  await eventually(async () => assert.deepEqual(await world.textsOf('a'), ['before', 'weak', 'after']));
});

aCase('makes a dead letter of a poison event, with its reason; other keys go on', async (world) => {
  const { transport } = await world.open();
  const behaviour = ({ text }: { text: string }) => {
    if (text === 'poison') throw new DomainError('cannot_do', 'internal', 'It cannot be done.');
  };
  const { consumer } = await world.join({ transport, behaviour, hasSweep: false });
  world.relay(transport);
  await world.say('a', 'before', 'poison', 'after');
  await world.say('b', ...numbers(3));
  await eventually(async () => assert.equal((await openLetters(world)).length, 1));
  const [letter] = await openLetters(world);
  assert.equal(letter?.reason, 'It cannot be done. (cannot_do)');
  assert.deepEqual([letter?.key, letter?.sequence, letter?.blocksKey, letter?.attempts], ['a', 2n, true, 3]);
  await eventually(async () => assert.deepEqual(await world.textsOf('b'), numbers(3)));
  assert.deepEqual(await world.textsOf('a'), ['before']);
  await assert.rejects(replay(world.harness.consumer, [consumer], letter.id), { code: 'dead_letter_failed_again' });
});

aCase('applies a blocking letter at its place when it is replayed, and what waited behind it', async (world) => {
  const { transport } = await world.open();
  let isBroken = true;
  const behaviour = ({ text }: { text: string }) => {
    if (text === 'poison' && isBroken) throw new Error('broken');
  };
  const { consumer } = await world.join({ transport, behaviour, hasSweep: false });
  world.relay(transport);
  await world.say('a', 'before', 'poison', 'after', 'later');
  await eventually(async () => assert.equal((await openLetters(world)).length, 1));
  isBroken = false;
  const [letter] = await openLetters(world);
  assert.equal((await replay(world.harness.consumer, [consumer], letter!.id)).status, 'replayed');
  assert.deepEqual(await world.textsOf('a'), ['before', 'poison', 'after', 'later']);
  await replay(world.harness.consumer, [consumer], letter!.id); // once more changes nothing
  assert.equal((await world.textsOf('a')).length, 4);
});

aCase('replays a released letter alone, and only where order does not matter', async (world) => {
  const { transport } = await world.open();
  let isBroken = true;
  const behaviour = ({ text }: { text: string }) => {
    if (text === 'poison' && isBroken) throw new Error('broken');
  };
  const releases = { deadLetter: 'releases', retryDelaysMs: [] } as const;
  const free = await world.join({
    transport,
    name: 'free',
    behaviour,
    declaration: { ...releases, isOrderFree: true },
  });
  const strict = await world.join({ transport, name: 'strict', behaviour, declaration: releases });
  world.relay(transport);
  await world.say('a', 'poison', 'after');
  for (const name of ['free', 'strict'])
    await eventually(async () => assert.deepEqual(await world.textsOf('a', name), ['after']));
  isBroken = false;
  const running = [free.consumer, strict.consumer];
  for (const letter of await openLetters(world))
    if (letter.consumer === 'free') await replay(world.harness.consumer, running, letter.id);
    else await assert.rejects(replay(world.harness.consumer, running, letter.id), { code: 'dead_letter_superseded' });
  assert.deepEqual(await world.textsOf('a', 'free'), ['after', 'poison']);
  assert.deepEqual(await world.textsOf('a', 'strict'), ['after']);
  assert.deepEqual(
    (await openLetters(world)).map(({ consumer }) => consumer),
    ['strict'],
  );
});

aCase('makes one effect of an event that comes several times', async (world) => {
  const { transport } = await world.open();
  await world.join({ transport, hasSweep: false });
  world.relay(new ChaosTransport(transport, { doubles: () => true }));
  await world.say('a', ...numbers(30));
  await eventually(async () => assert.equal((await world.textsOf('a')).length, 30));
  await world.say('b', 'last');
  await eventually(async () => assert.deepEqual(await world.textsOf('b'), ['last']));
  assert.deepEqual(await world.textsOf('a'), numbers(30));
});

aCase('keeps the order of a key when deliveries come late, twice, and the consumer restarts', async (world) => {
  const { transport } = await world.open();
  const chaos = new ChaosTransport(transport, {
    delays: (_, nth) => nth % 3 === 0,
    doubles: (_, nth) => nth % 4 === 0,
  });
  let member = await world.join({ transport, hasSweep: false });
  world.relay(chaos);
  for (let round = 0; round < 4; round += 1) {
    await Promise.all(['a', 'b'].map((key) => world.say(key, ...numbers(10, round * 10 + 1))));
    await member.stop();
    member = await world.join({ transport, hasSweep: false });
  }
  await eventually(async () => {
    await chaos.flush();
    for (const key of ['a', 'b']) assert.deepEqual(await world.textsOf(key), numbers(40));
  });
});

aCase('fetches an event that the transport has lost, and a lost last one too', async (world) => {
  const { transport } = await world.open();
  await world.join({ transport });
  // Everything of a is lost; of b one in the middle and the last one.
  world.relay(
    new ChaosTransport(transport, { drops: ({ key, event }) => key === 'a' || ['3', '8'].includes(event.sequence) }),
  );
  await world.say('a', 'only');
  await world.say('b', ...numbers(8));
  await eventually(async () => assert.deepEqual(await world.textsOf('b'), numbers(8)));
  await eventually(async () => assert.deepEqual(await world.textsOf('a'), ['only']));
});

aCase('lets a late joiner start from now, with what came before as history', async (world) => {
  const { transport } = await world.open();
  world.relay(transport);
  await world.join({ transport, name: 'early' });
  await world.say('a', 'old', 'older');
  await eventually(async () => assert.equal((await world.textsOf('a', 'early')).length, 2));
  await world.join({ transport, name: 'late', startsFrom: 'now' });
  await world.join({ transport, name: 'thorough', startsFrom: 'beginning' });
  await world.say('a', 'new');
  await world.say('b', 'first');
  await eventually(async () => assert.deepEqual(await world.textsOf('a', 'thorough'), ['old', 'older', 'new']));
  await eventually(async () => assert.deepEqual(await world.textsOf('a', 'late'), ['new']));
  await eventually(async () => assert.deepEqual(await world.textsOf('b', 'late'), ['first']));
});

aCase('parks what no contract fits as unknown, without attempts, until a release knows it', async (world) => {
  const { transport } = await world.open();
  const member = await world.join({ transport, hasSweep: false });
  const nextVersion = { ...rotationStarted, type: 'dsops.rotation.rotation.started.v9' };
  const topic = rotationStarted.topic;
  await transport.publish([
    { topic, key: 'a', event: foreignEvent('a', 1, { type: nextVersion.type }) },
    { topic, key: 'a', event: foreignEvent('a', 2, {}) },
    { topic, key: 'b', event: foreignEvent('b', 1, { data: { nothing: 'of the contract' } }) },
    { topic, key: 'c', event: { hello: 'world' } as unknown as EventEnvelope },
    { topic, key: 'd', event: foreignEvent('d', 1, {}) },
  ]);
  await eventually(async () => assert.deepEqual(await world.textsOf('d'), ['foreign']));
  await eventually(async () => assert.equal((await openLetters(world)).length, 3));
  const letters = await openLetters(world);
  assert.deepEqual(letters.map(({ kind, attempts }) => [kind, attempts]).sort(), [
    ['unknown', 0],
    ['unknown', 0],
    ['unreadable', 0],
  ]);
  assert.deepEqual(await world.textsOf('a'), []);
  const [unknown] = letters.filter(({ key }) => key === 'a');
  await assert.rejects(replay(world.harness.consumer, [member.consumer], unknown!.id), {
    code: 'dead_letter_still_unknown',
  });
  await member.stop();
  await world.join({ transport, registry: new Map([...eventRegistry, [nextVersion.type, nextVersion]]) });
  await eventually(async () => assert.deepEqual(await world.textsOf('a'), ['foreign'])); // v9 has no handler: it moves the cursor
  await eventually(async () => assert.equal((await openLetters(world)).length, 2));
});

aCase('lets a slow handler take its time without losing or doubling anything', async (world) => {
  const { transport } = await world.open();
  const slowly = () => new Promise<void>((done) => setTimeout(done, 30));
  await world.join({ transport, name: 'slow', behaviour: slowly, settings: { budgetMs: 100 }, hasSweep: false });
  await world.join({ transport, name: 'quick', hasSweep: false });
  world.relay(transport);
  await Promise.all(['a', 'b', 'c'].map((key) => world.say(key, ...numbers(10))));
  await eventually(async () => assert.equal((await world.effects('quick')).length, 30));
  for (const key of ['a', 'b', 'c'])
    await eventually(async () => assert.deepEqual(await world.textsOf(key, 'slow'), numbers(10)));
});

aCase('gives up waiting for a handler that never comes back; its key waits and the others go on', async (world) => {
  const { transport } = await world.open();
  const behaviour = ({ text }: { text: string }) => (text === 'hangs' ? new Promise<void>(() => undefined) : undefined);
  await world.join({ transport, behaviour, settings: { handlerTimeoutMs: 100 }, declaration: { retryDelaysMs: [] } });
  world.relay(transport);
  await world.say('a', 'hangs', 'after');
  await world.say('b', ...numbers(3));
  await eventually(async () => assert.deepEqual(await world.textsOf('b'), numbers(3)));
  await eventually(async () => assert.match((await openLetters(world))[0]?.reason ?? '', /HandlerTimedOut/));
  assert.deepEqual(await world.textsOf('a'), []);
});

aCase('loses nothing when everything restarts', async (world) => {
  let opened = await world.open();
  let member = await world.join({ transport: opened.transport, hasSweep: false });
  let relay = world.relay(opened.transport);
  for (let round = 0; round < 3; round += 1) {
    await world.say('a', ...numbers(10, round * 10 + 1));
    await Promise.all([relay.stop(), member.stop()]);
    await opened.close();
    await world.say('b', String(round + 1)); // said while nothing runs
    opened = await world.open();
    relay = world.relay(opened.transport);
    member = await world.join({ transport: opened.transport, hasSweep: false });
  }
  await eventually(async () => assert.deepEqual(await world.textsOf('a'), numbers(30)));
  await eventually(async () => assert.deepEqual(await world.textsOf('b'), numbers(3)));
});

aCase('lets two replicas share the work, and one go on when the other dies', async (world) => {
  const slowly = () => new Promise<void>((done) => setTimeout(done, 2));
  const replicas = await Promise.all(
    [await world.open(), await world.open()].map(async (opened) => {
      const member = await world.join({ transport: opened.transport, behaviour: slowly, hasSweep: false });
      return { ...opened, counts: member.consumer.counts };
    }),
  );
  world.relay((await world.open()).transport);
  const keys = ['a', 'b', 'c', 'd'];
  const saying = Promise.all(keys.map((key) => world.say(key, ...numbers(40))));
  await eventually(async () => assert.ok((await world.effects()).length > 30));
  const [busy, other] = replicas.toSorted((one, two) => two.counts.applied - one.counts.applied);
  await busy!.kill();
  await saying;
  for (const key of keys) await eventually(async () => assert.deepEqual(await world.textsOf(key), numbers(40)));
  assert.ok(other!.counts.applied > 0);
});

/**
 * What every transport must do, together with relay and consumer. Each case opens a harness of its own:
 * `for (const { name, run } of transportConformance) it(name, () => run(openHarness))`
 */
export const transportConformance: readonly ConformanceCase[] = cases;
