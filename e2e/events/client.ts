import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceProcess } from './service-process.js';
import type { Command } from './commands.js';

const LOOK_MS = 2;

/**
 * Sends commands through whichever producer has room, and sends again what was not answered. Acknowledged is what it got
 * an answer for: that is what everything is counted against.
 */
export class Client {
  private readonly sent = new Map<string, Command>();
  private readonly done = new Map<string, Command>();
  private readonly queue: Command[] = [];
  private isOver = false;

  /** What a producer is told to call. */
  readonly listeners = {
    onDone: (id: string) => {
      const command = this.sent.get(id);
      if (command !== undefined) this.done.set(id, command);
    },
    onOpen: (command: Command) => void this.queue.push(command),
  };

  constructor(private readonly producers: readonly ServiceProcess[]) {}

  get acknowledged(): readonly Command[] {
    return [...this.done.values()];
  }

  /** Commands that were acknowledged so far. */
  get count(): number {
    return this.done.size;
  }

  /** Commands that were given to a producer, those that have to be sent again left out. */
  get begun(): number {
    return this.sent.size - this.queue.length;
  }

  /** Resolves when each of these is acknowledged. While `mayBegin` says no, nothing more is sent. */
  async perform(commands: readonly Command[], mayBegin: () => boolean = () => true): Promise<void> {
    const goal = this.done.size + commands.length;
    for (const command of commands) this.sent.set(command.id, command);
    this.queue.push(...commands.toReversed());
    while (this.done.size < goal && !this.isOver) {
      for (const producer of this.producers)
        while (producer.room > 0 && this.queue.length > 0 && mayBegin()) producer.send(this.queue.pop()!);
      await pause(LOOK_MS);
    }
  }

  /** Sends nothing more. */
  stop(): void {
    this.isOver = true;
  }
}
