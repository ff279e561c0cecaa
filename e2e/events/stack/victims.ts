import { setTimeout as pause } from 'node:timers/promises';
import type { Replica } from './replica.js';
import type { StackWorld } from './world.js';

/** Whom a kill has hit, and how it comes back. */
export interface Struck {
  /** Such as `consumer 3`. */
  readonly who: string;
  /** Starts it again; resolves when it is ready. */
  back(): Promise<void>;
}

type Strike = (world: StackWorld, nth: number) => Promise<Struck>;

const anyOf = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)]!;

/** The producer whose relay publishes: the one that did so last holds the lease. */
const relayOf = ({ producers }: StackWorld): Replica =>
  producers.reduce((one, other) => (other.child.publishedAtMs > one.child.publishedAtMs ? other : one));

async function killProcess(world: StackWorld, replica: Replica): Promise<Struck> {
  await replica.child.kill();
  return {
    who: replica.name,
    back: async () => {
      await replica.child.start();
      world.tellAll();
    },
  };
}

const WAIT_FOR_WORK_MS = 2_000;
/** About as long as a publishing takes: some kills hit before the broker has it, some before it is marked as sent. */
const PUBLISHING_MS = 20;
const atMost = (ms: number, what: Promise<unknown>) => Promise.race([what, pause(ms)]);

/** SIGKILL to each in turn. `nth` counts the kills of one kind from 0. */
export const VICTIMS = {
  broker: async ({ kafka }) => {
    await kafka.kafka.kill();
    return { who: 'Kafka', back: () => kafka.restartKafka(async () => undefined) };
  },
  /** By turns that of a consumer and that of the relay. */
  sidecar: async (world, nth) => {
    const replica = nth % 2 === 0 ? anyOf(world.consumers) : relayOf(world);
    await replica.killSidecar();
    return { who: `sidecar of ${replica.name}`, back: () => replica.startSidecar() };
  },
  consumer: (world) => killProcess(world, anyOf(world.consumers)),
  /** One that is in the middle of commands, and does not publish. */
  producer: (world) => {
    const relay = relayOf(world);
    const others = world.producers.filter((producer) => producer !== relay);
    const busy = others.filter(({ child }) => child.inFlight.size > 0);
    return killProcess(world, anyOf(busy.length > 0 ? busy : others));
  },
  /** In the middle of a publishing. */
  relay: async (world) => {
    const relay = relayOf(world);
    await atMost(WAIT_FOR_WORK_MS, relay.child.nextPublishing());
    await pause(Math.random() * PUBLISHING_MS);
    return killProcess(world, relay);
  },
  database: async ({ database }) => {
    await database.kill();
    return { who: 'PostgreSQL', back: () => database.start() };
  },
} as const satisfies Record<string, Strike>;

export type VictimName = keyof typeof VICTIMS;
export const VICTIM_NAMES = Object.keys(VICTIMS) as VictimName[];

/** Kills one of this kind. */
export const strike = (world: StackWorld, victim: VictimName, nth: number): Promise<Struck> =>
  VICTIMS[victim](world, nth);
