import { EventSourceParserStream } from 'eventsource-parser/stream';

const MOST_RAW = 1_000_000;

export interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/** A client of the feed: everything it has got so far, in order. */
export class FeedReader {
  readonly messages: Message[] = [];
  /** The beginning of what came over the wire, comments included. */
  raw = '';
  hasEnded = false;
  private constructor(private readonly abort: AbortController) {}

  static async open(
    url: string,
    key: string,
    options: { types?: string; after?: string | number; headers?: Record<string, string> } = {},
  ): Promise<FeedReader> {
    const abort = new AbortController();
    const reader = new FeedReader(abort);
    const query = options.types === undefined ? '' : `?types=${encodeURIComponent(options.types)}`;
    const response = await fetch(`${url}/api/v1/events${query}`, {
      headers: {
        authorization: `Bearer ${key}`,
        accept: 'text/event-stream',
        ...(options.after === undefined ? {} : { 'last-event-id': String(options.after) }),
        ...options.headers,
      },
      signal: abort.signal,
    });
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) throw new Error(await response.text());
    void reader.read(response);
    return reader;
  }

  positions(): number[] {
    return this.messages.filter(({ event }) => event !== 'gap').map(({ id }) => Number(id));
  }

  gaps(): { from: number; to: number }[] {
    return this.messages.filter(({ event }) => event === 'gap').map(({ data }) => data as { from: number; to: number });
  }

  close(): void {
    this.abort.abort();
  }

  private async read(response: Response): Promise<void> {
    const [parsed, raw] = response.body!.pipeThrough(new TextDecoderStream()).tee();
    try {
      await Promise.all([this.collect(parsed), this.listen(raw)]);
    } catch {
      // The stream was cut off: what it has brought is there.
    }
    this.hasEnded = true;
  }

  private async collect(stream: ReadableStream<string>): Promise<void> {
    for await (const { id, event, data } of stream.pipeThrough(new EventSourceParserStream()))
      this.messages.push({ id: id ?? '', event: event ?? 'message', data: JSON.parse(data) as unknown });
  }

  private async listen(stream: ReadableStream<string>): Promise<void> {
    for await (const chunk of stream) if (this.raw.length < MOST_RAW) this.raw += chunk;
  }
}
