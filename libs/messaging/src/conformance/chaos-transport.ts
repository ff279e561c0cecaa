import type { Delivery, DeliveryAnswer, Published, Subscription, Transport } from '../transport.js';

export interface Chaos {
  /** Is this entry never delivered, although the relay is told that it was accepted? */
  readonly drops?: (entry: Published, nth: number) => boolean;
  readonly doubles?: (entry: Published, nth: number) => boolean;
  /** Is it held back until entries that were published later have gone? */
  readonly delays?: (entry: Published, nth: number) => boolean;
}

/** A transport that lies: it says yes to everything and then loses, doubles and reorders. `nth` counts entries from 0. */
export class ChaosTransport implements Transport {
  private nth = 0;
  private heldBack: Published[] = [];

  constructor(
    private readonly inner: Transport,
    public chaos: Chaos,
  ) {}

  async publish(batch: readonly Published[]): Promise<{ refused: { id: string; reason: string }[] }> {
    const passed: Published[] = [];
    const late: Published[] = [];
    for (const entry of batch) {
      const nth = this.nth;
      this.nth += 1;
      if (this.chaos.drops?.(entry, nth)) continue;
      if (this.chaos.delays?.(entry, nth)) late.push(entry);
      else passed.push(entry);
      if (this.chaos.doubles?.(entry, nth)) passed.push(entry);
    }
    const now = [...passed, ...this.heldBack];
    this.heldBack = late;
    if (now.length > 0) await this.inner.publish(now);
    return { refused: [] };
  }

  /** Lets go what is still held back. */
  async flush(): Promise<void> {
    const rest = this.heldBack;
    this.heldBack = [];
    if (rest.length > 0) await this.inner.publish(rest);
  }

  subscribe(
    consumer: Parameters<Transport['subscribe']>[0],
    deliver: (batch: readonly Delivery[]) => Promise<readonly DeliveryAnswer[]>,
  ): Promise<Subscription> {
    return this.inner.subscribe(consumer, deliver);
  }
}
