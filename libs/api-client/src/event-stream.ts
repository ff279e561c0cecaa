import { EventSourceParserStream } from 'eventsource-parser/stream';
import { z } from 'zod';
import { envelopeSchema, type EventEnvelope } from '@dsops/contracts/envelope';
import { isDomainError } from '@dsops/kernel';
import { isPassing } from './exchange.js';
import { pause } from './pause.js';

export type EventStreamItem =
  /** The stream stands; what happened before may have been missed, unless it resumed. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'event'; readonly event: EventEnvelope }
  /** Events that the server no longer has. */
  | { readonly kind: 'gap'; readonly from: string; readonly to: string }
  | { readonly kind: 'lost' };

export interface EventStreamOptions {
  /** Beginnings of types, such as `dsops.rotation.`; all events unless said. */
  readonly types?: readonly string[];
  readonly signal: AbortSignal;
  readonly reconnectDelaysMs?: readonly number[];
  /** Silence for so long, heartbeats included, means that the connection is dead. */
  readonly silenceMs?: number;
}

/** Opens the stream; answers only when it is one. */
export type OpenStream = (
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<Response>;

const RECONNECT_DELAYS_MS = [100, 500, 1_000, 2_000, 5_000];
const SILENCE_MS = 60_000;

const place = z.union([z.string(), z.number()]).transform(String);
const gapSchema = z.looseObject({ from: place, to: place });

/**
 * Reads the stream and opens it again when it breaks off, at the place where it stopped (Last-Event-ID), until the
 * signal ends it.
 */
export async function* readEvents(
  open: OpenStream,
  options: EventStreamOptions,
): AsyncGenerator<EventStreamItem, void, undefined> {
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
    await pause(delays[Math.min(attempt, delays.length - 1)] ?? 0, signal);
  }

  async function* connect() {
    const silence = new AbortController();
    const listenOn = () => setTimeout(() => silence.abort(), options.silenceMs ?? SILENCE_MS);
    let timer = listenOn();
    try {
      const headers = { accept: 'text/event-stream', ...(position !== undefined && { 'last-event-id': position }) };
      const response = await open(path, headers, AbortSignal.any([signal, silence.signal]));
      yield 'open' as const;
      const touch = new TransformStream<string, string>({
        transform(chunk, controller) {
          clearTimeout(timer);
          timer = listenOn();
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

function itemOf({ event, data }: { event?: string | undefined; data: string }): EventStreamItem | undefined {
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
