import assert from 'node:assert/strict';
import { currentContext, inContext, newTraceparent, traceIdOf } from '@dsops/platform';
import type { WakeUps } from './wake-ups.js';

/** What an adapter's own spec brings, for one case. */
export interface WakeUpsHarness {
  /** Another process of the service: not started yet, so that handlers can be given. */
  open(): Promise<{ readonly wakeUps: WakeUps; close(): Promise<void> }>;
  close(): Promise<void>;
}

export interface WakeUpsCase {
  readonly name: string;
  run(openHarness: () => Promise<WakeUpsHarness>): Promise<void>;
}

const PATIENCE_MS = 20_000;
const TASK = 'rotation';

async function eventually(assertion: () => void): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

const soon = (): Date => new Date(Date.now() + 200);
const inAnHour = (): Date => new Date(Date.now() + 3_600_000);

/** Processes of one service, and the keys that their handlers were woken for. */
class World {
  readonly woken: string[] = [];
  private readonly opened: { wakeUps: WakeUps; close(): Promise<void> }[] = [];

  constructor(private readonly harness: WakeUpsHarness) {}

  /** A started process. Its handler notes the key, then does what the case says. */
  async start(behaviour: (key: string) => Promise<void> | void = () => undefined): Promise<WakeUps> {
    const opened = await this.harness.open();
    this.opened.push(opened);
    opened.wakeUps.on(TASK, async (key) => {
      this.woken.push(key);
      await behaviour(key);
    });
    await opened.wakeUps.start();
    return opened.wakeUps;
  }

  async open(): Promise<WakeUps> {
    const opened = await this.harness.open();
    this.opened.push(opened);
    return opened.wakeUps;
  }

  /** The process that was opened last ends. */
  async endLast(): Promise<void> {
    await this.opened.pop()?.close();
  }

  async end(): Promise<void> {
    for (const { close } of this.opened) await close();
    await this.harness.close();
  }
}

const cases: WakeUpsCase[] = [];

function aCase(name: string, check: (world: World) => Promise<void>): void {
  cases.push({
    name,
    run: async (openHarness) => {
      const world = new World(await openHarness());
      try {
        await check(world);
      } finally {
        await world.end();
      }
    },
  });
}

aCase('wakes once, at the instant that was armed last', async (world) => {
  const wakeUps = await world.start();
  await wakeUps.arm({ task: TASK, key: 'moved', at: inAnHour() });
  await wakeUps.arm({ task: TASK, key: 'moved', at: soon() });
  await wakeUps.arm({ task: TASK, key: 'later', at: inAnHour() });
  await eventually(() => assert.deepEqual(world.woken, ['moved']));
  await wakeUps.arm({ task: TASK, key: 'after', at: soon() });
  await eventually(() => assert.deepEqual(world.woken, ['moved', 'after']));
});

aCase('can be armed again by the handler that it woke', async (world) => {
  const wakeUps = await world.start(async (key) => {
    if (world.woken.length < 3) await wakeUps.arm({ task: TASK, key, at: soon() });
  });
  await wakeUps.arm({ task: TASK, key: 'again', at: soon() });
  await eventually(() => assert.deepEqual(world.woken, ['again', 'again', 'again']));
});

aCase('wakes at once for an instant that has passed', async (world) => {
  const wakeUps = await world.start();
  await wakeUps.arm({ task: TASK, key: 'late', at: new Date(Date.now() - 3_600_000) });
  await eventually(() => assert.deepEqual(world.woken, ['late']));
});

aCase('wakes nobody for an appointment that was cancelled, or that never was', async (world) => {
  const wakeUps = await world.start();
  await wakeUps.cancel({ task: TASK, key: 'never' });
  // Late enough that a busy machine cancels in time, and before the one that is kept.
  const at = Date.now() + 2_000;
  await wakeUps.arm({ task: TASK, key: 'cancelled', at: new Date(at) });
  await wakeUps.cancel({ task: TASK, key: 'cancelled' });
  await wakeUps.arm({ task: TASK, key: 'kept', at: new Date(at + 500) });
  await eventually(() => assert.deepEqual(world.woken, ['kept']));
});

aCase('keeps an appointment when the process that made it is gone', async (world) => {
  const first = await world.start();
  await first.arm({ task: TASK, key: 'survives', at: new Date(Date.now() + 500) });
  await world.endLast();
  await world.start();
  await eventually(() => assert.deepEqual(world.woken, ['survives']));
});

aCase('keeps an appointment that fell due while nobody was there', async (world) => {
  const first = await world.start();
  await first.arm({ task: TASK, key: 'waits', at: new Date(Date.now() + 500) });
  await world.endLast();
  await new Promise((done) => setTimeout(done, 1_000)); // nothing can be seen while nobody is there
  await world.start();
  await eventually(() => assert.ok(world.woken.includes('waits')));
});

aCase('wakes again after a handler that threw', async (world) => {
  const wakeUps = await world.start(() => {
    if (world.woken.length === 1) throw new Error('not yet');
  });
  await wakeUps.arm({ task: TASK, key: 'fails', at: soon() });
  await eventually(() => assert.deepEqual(world.woken, ['fails', 'fails']));
});

aCase('wakes one process of several', async (world) => {
  const [wakeUps] = [await world.start(), await world.start()];
  const keys = Array.from({ length: 10 }, (_, nth) => `key ${nth}`);
  for (const key of keys) await wakeUps.arm({ task: TASK, key, at: soon() });
  await eventually(() => assert.equal(world.woken.length, 10));
  assert.deepEqual(world.woken.toSorted(), keys);
});

aCase('hands on the key as it is', async (world) => {
  const wakeUps = await world.start();
  const keys = ['01JD0000000000000000000001', 'ü 🗝️', 'a/b?c#d%', 'A', 'a', '||', 'x'.repeat(400)];
  for (const key of keys) await wakeUps.arm({ task: TASK, key, at: soon() });
  await eventually(() => assert.deepEqual(world.woken.toSorted(), keys.toSorted()));
});

aCase('works in the trace in which it was armed', async (world) => {
  const traces: string[] = [];
  const wakeUps = await world.start(() => void traces.push(traceIdOf(currentContext()?.traceparent ?? '')));
  const traceparent = newTraceparent();
  await inContext({ traceparent }, () => wakeUps.arm({ task: TASK, key: 'traced', at: soon() }));
  await eventually(() => assert.deepEqual(traces, [traceIdOf(traceparent)]));
});

aCase('waits for the handler at work when it stops', async (world) => {
  let isOver = false;
  const begun = Promise.withResolvers<void>();
  const wakeUps = await world.start(async () => {
    begun.resolve();
    await new Promise((done) => setTimeout(done, 300));
    isOver = true;
  });
  await wakeUps.arm({ task: TASK, key: 'slow', at: soon() });
  await begun.promise;
  await world.endLast();
  assert.equal(isOver, true);
});

aCase('refuses to be used before it is started', async (world) => {
  const wakeUps = await world.open();
  const early = async () => wakeUps.arm({ task: TASK, key: 'early', at: soon() });
  await assert.rejects(early, { code: 'wake_ups_not_started' });
});

/** What every adapter of wake-ups must do: `for (const { name, run } of wakeUpsConformance) it(name, () => run(open))` */
export const wakeUpsConformance: readonly WakeUpsCase[] = cases;
