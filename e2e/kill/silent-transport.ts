import type { Subscription, Transport } from '@dsops/messaging';

/** Takes every event and delivers none: what is proven here is what is in the outbox, not who hears of it. */
export class SilentTransport implements Transport {
  async publish(): ReturnType<Transport['publish']> {
    return { refused: [] };
  }

  async subscribe(): Promise<Subscription> {
    return { stop: async () => undefined };
  }
}
