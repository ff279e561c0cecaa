import { setTimeout as sleep } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { z } from 'zod';
import { envelopeSchema } from '@dsops/contracts/envelope';
import { isDomainError } from '@dsops/kernel';
import type { ApiClient } from './api-client.js';
import { isPassing } from './connection-loss.js';

export type FeedEvent = z.infer<typeof envelopeSchema>;

export type FeedItem =
  /** The stream stands; what happened before may have been missed, unless it resumed. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'event'; readonly event: FeedEvent }
  /** Events that the server no longer has. */
  | { readonly kind: 'gap'; readonly from: string; readonly to: string }
  | { readonly kind: 'lost' };

export interface FeedOptions {
  readonly types?: readonly string[];
  readonly signal: AbortSignal;
  readonly reconnectDelaysMs?: readonly number[];
  /** Silence for so long, heartbeats included, means that the connection is dead. */
  readonly silenceMs?: number;
}

const RECONNECT_DELAYS_MS = [100, 500, 1_000, 2_000, 5_000];
const SILENCE_MS = 60_000;

const place = z.union([z.string(), z.number()]).transform(String);
const gapSchema = z.looseObject({ from: place, to: place });

/**
 * Events as they happen, over `GET /events`. After a lost connection it goes on where it stopped (Last-Event-ID), until
 * the signal ends it. Throws when the server answers that there is no such stream for us.
 */
export async function* readFeed(client: ApiClient, options: FeedOptions): AsyncGenerator<FeedItem, void, undefined> {
  const { signal, types, reconnectDelaysMs: delays = RECONNECT_DELAYS_MS } = options;
  const path = types === undefined ? '/events' : `/events?types=${encodeURIComponent(types.join(','))}`;
  // Moved by heartbeats too, past events that we did not ask for.
  let position: string | undefined;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      for await (const message of connect()) {
        attempt = 0;
        if (message === 'open') yield { kind: 'connected' };
        else {
          const item = itemOf(message);
          if (item) yield item;
        }
      }
    } catch (error) {
      if (isDomainError(error) && !isPassing(error)) throw error;
    }
    if (signal.aborted) return;
    yield { kind: 'lost' };
    await sleep(delays[Math.min(attempt, delays.length - 1)], undefined, { signal }).catch(() => undefined);
  }

  async function* connect() {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), options.silenceMs ?? SILENCE_MS);
    try {
      const resume: Record<string, string> = position === undefined ? {} : { 'last-event-id': position };
      const response = await client.open(path, resume, AbortSignal.any([signal, silence.signal]));
      yield 'open' as const;
      const touch = new TransformStream<string, string>({
        transform(chunk, controller) {
          timer.refresh();
          controller.enqueue(chunk);
        },
      });
      if (response.body)
        yield* response.body
          .pipeThrough(new TextDecoderStream())
          .pipeThrough(touch)
          .pipeThrough(new EventSourceParserStream({ onId: (id) => (position = id || position) }));
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }
}

function itemOf({ event, data }: { event?: string | undefined; data: string }): FeedItem | undefined {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (event === 'gap') {
    const gap = gapSchema.safeParse(json);
    return gap.success ? { kind: 'gap', from: gap.data.from, to: gap.data.to } : undefined;
  }
  // Later releases may send what this one does not know: it is passed over.
  const parsed = envelopeSchema.safeParse(json);
  return parsed.success ? { kind: 'event', event: parsed.data } : undefined;
}
