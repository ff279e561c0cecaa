/** Positions that a client does not get; both are part of it. */
export interface Gap {
  readonly from: bigint;
  readonly to: bigint;
}

/** Server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html: the words on the wire. */
export interface FeedEvent {
  readonly position: bigint;
  readonly topic: string;
  readonly type: string;
  /** The principal who alone may see it; null: everybody who may see its topic. */
  readonly onlyFor: string | null;
  /** The envelope as JSON, in one line. */
  readonly json: string;
}

export const frameOf = ({ position, type, json }: FeedEvent): string =>
  `id: ${position}\nevent: ${type}\ndata: ${json}\n\n`;

/** The client goes on behind the gap, so that it is not told of it twice. */
export const gapFrame = ({ from, to }: Gap, resumesAt: bigint = to): string =>
  `id: ${resumesAt}\nevent: gap\ndata: ${JSON.stringify({ from: Number(from), to: Number(to) })}\n\n`;

/** Keeps the connection open and moves the place to resume at past events that the client did not ask for. */
export const heartbeat = (position: bigint): string => `: still here\nid: ${position}\n\n`;

/** The first words: how long to wait before connecting again. */
export const opening = (retryMs: number): string => `retry: ${retryMs}\n: welcome\n\n`;

/**
 * The header `Last-Event-ID`.
 * @returns undefined when the client did not state a place; 'invalid' when it is none
 */
export function readPosition(stated: string | undefined): bigint | undefined | 'invalid' {
  if (stated === undefined || stated === '') return undefined;
  return /^\d{1,15}$/.test(stated) ? BigInt(stated) : 'invalid';
}
