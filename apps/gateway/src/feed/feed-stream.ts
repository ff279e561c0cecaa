import { passes, type FeedFilter } from './feed-filter.js';
import { gapFrame, heartbeat, type FeedEvent, type Gap } from './feed-frames.js';

/** Where the words go: an HTTP answer that stays open. `write` answers false when the other side reads too slowly. */
export interface Sink {
  write(text: string): boolean;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  end(): unknown;
  destroy(): unknown;
}

/** An event with its words, which are made once for all streams. */
export interface FramedEvent {
  readonly event: FeedEvent;
  readonly text: string;
}

/**
 * One client that follows the feed.
 *
 *   catching up ──reached the end──▶ live ──too much waits──▶ catching up …
 *
 * Catching up, it is sent the table at its own pace ({@link send} waits for it). Live, it is offered what happens and
 * never waited for: what it does not read at once waits in a bounded buffer. When that is full, the buffer is given up,
 * because the table has it all, and the stream catches up again.
 */
export class FeedStream {
  private waiting: { readonly position: bigint; readonly text: string }[] = [];
  private readonly waiters: (() => void)[] = [];
  private blockedSinceMs: number | undefined;
  isClosed = false;

  constructor(
    private readonly sink: Sink,
    readonly filter: FeedFilter,
    /** Everything up to here was sent, waits to be sent, or is not for this client. */
    public position: bigint,
    private readonly options: { readonly bufferLimit: number; readonly monotonicMs: () => number },
  ) {
    sink.on('drain', () => this.unblock());
    sink.on('close', () => {
      this.isClosed = true;
      this.unblock();
    });
  }

  /** Sends text, and resolves when the next may be sent, or when the client has gone. */
  async send(text: string): Promise<void> {
    if (!this.isClosed) this.write(text);
    await this.drained();
  }

  /** Tells of positions that the client does not get, and goes on behind them. */
  async tell(gap: Gap, resumesAt: bigint = gap.to): Promise<void> {
    this.position = resumesAt;
    await this.send(gapFrame(gap, resumesAt));
  }

  /** Live: what has just happened. Answers false when too much waits; then the stream has to catch up. */
  offer(events: readonly FramedEvent[]): boolean {
    for (const { event, text } of events) {
      if (event.position <= this.position) continue;
      this.position = event.position;
      if (!passes(this.filter, event)) continue;
      this.waiting.push({ position: event.position, text });
      this.flush();
      if (this.waiting.length > this.options.bufferLimit) {
        this.position = this.waiting[0]!.position - 1n;
        this.waiting = [];
        return false;
      }
    }
    return true;
  }

  /** Live: a sign of life, when nothing waits before it. */
  beat(): void {
    if (!this.isClosed && this.blockedSinceMs === undefined) this.write(heartbeat(this.position));
  }

  get principalId(): string {
    return this.filter.principalId;
  }

  /** For how long the client has read nothing although there was something to read. */
  get stalledMs(): number {
    return this.blockedSinceMs === undefined ? 0 : this.options.monotonicMs() - this.blockedSinceMs;
  }

  /** Resolves when the client reads, or has gone. */
  async drained(): Promise<void> {
    if (this.blockedSinceMs !== undefined) await new Promise<void>((done) => this.waiters.push(done));
  }

  /** Ends the answer after what is on its way; at once when the client does not read it. */
  end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.blockedSinceMs === undefined) this.sink.end();
    else this.cut();
  }

  /** Ends the connection at once: nobody reads what is on its way. */
  cut(): void {
    this.sink.destroy();
  }

  private flush(): void {
    while (!this.isClosed && this.blockedSinceMs === undefined && this.waiting.length > 0)
      this.write(this.waiting.shift()!.text);
  }

  private write(text: string): void {
    if (!this.sink.write(text)) this.blockedSinceMs ??= this.options.monotonicMs();
  }

  private unblock(): void {
    this.blockedSinceMs = undefined;
    for (const done of this.waiters.splice(0)) done();
    this.flush();
  }
}
