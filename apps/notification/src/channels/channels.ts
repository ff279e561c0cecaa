import type { Channel, OutsideChannel } from './channel.js';

const NAME = /^[a-z][a-z_]*$/;

/** The channels that this process knows, by name. */
export class Channels {
  private readonly byName: ReadonlyMap<string, Channel>;

  /** @throws TypeError when a name is no name, or taken twice */
  constructor(readonly all: readonly Channel[]) {
    this.byName = new Map(all.map((channel) => [channel.name, channel]));
    const wrong = all.find(
      ({ name }, nth) => !NAME.test(name) || all.findIndex((other) => other.name === name) !== nth,
    );
    if (wrong !== undefined)
      throw new TypeError(`The channel "${wrong.name}" has no name of its own in small letters.`);
  }

  /** Undefined for a channel of another release. */
  of(name: string): Channel | undefined {
    return this.byName.get(name);
  }

  /** Those that need a worker. */
  get outside(): OutsideChannel[] {
    return this.all.filter((channel) => channel.reach === 'outside');
  }
}
