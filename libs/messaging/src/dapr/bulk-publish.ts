import { oneLine, sidecarFault, tryParseJson, type SidecarAnswer } from '@dsops/platform';
import type { Published } from '../transport.js';

/** An event with the JSON that stands for it in a request. */
export interface Outgoing {
  readonly published: Published;
  readonly json: string;
}

const FRAME_BYTES = 200;

/** Splits the events of one topic, in their order, so that no request has much more than `maxBytes`. */
export function* chunksOf(entries: readonly Published[], maxBytes: number): Generator<Outgoing[]> {
  let chunk: Outgoing[] = [];
  let bytes = 0;
  for (const published of entries) {
    const json = JSON.stringify(published.event);
    const size = Buffer.byteLength(json) + Buffer.byteLength(published.key) + FRAME_BYTES;
    if (chunk.length > 0 && bytes + size > maxBytes) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push({ published, json });
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

/**
 * The body of a bulk publish, https://docs.dapr.io/reference/api/pubsub_api/. An entry's id is its place in the request:
 * ids must differ within one, and the same event may be in it twice.
 */
export const bulkBodyOf = (chunk: readonly Outgoing[]): string =>
  `[${chunk
    .map(({ published: { key }, json }, nth) => {
      const frame = {
        entryId: String(nth),
        contentType: 'application/cloudevents+json',
        metadata: { partitionKey: key },
      };
      return `${JSON.stringify(frame).slice(0, -1)},"event":${json}}`;
    })
    .join(',')}]`;

/** What became of a request: the places that were refused, and why; or that nothing is known of any. */
export type BulkOutcome =
  | { readonly kind: 'settled'; readonly refused: ReadonlyMap<number, string> }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Reads daprd's answer. 204: everything is in the broker. 500 with `failedEntries`: everything but those. Whatever else
 * it says, nothing may be taken for published: also a list of failures that is empty or that names other entries.
 */
export function readBulkAnswer(answer: SidecarAnswer, count: number): BulkOutcome {
  if (answer.status === 204) return { kind: 'settled', refused: new Map() };
  const refused = answer.status === 500 ? failedEntries(answer.text, count) : undefined;
  if (refused !== undefined) return { kind: 'settled', refused };
  return { kind: 'unknown', reason: sidecarFault(answer) ?? oneLine(`${answer.status} ${answer.text}`) };
}

function failedEntries(text: string, count: number): Map<number, string> | undefined {
  const { failedEntries: listed } = (tryParseJson(text) ?? {}) as { failedEntries?: unknown };
  if (!Array.isArray(listed) || listed.length === 0) return undefined;
  const refused = new Map<number, string>();
  for (const entry of listed as unknown[]) {
    const { entryId, error } = (entry ?? {}) as { entryId?: unknown; error?: unknown };
    const place = typeof entryId === 'string' && /^\d+$/.test(entryId) ? Number(entryId) : -1;
    if (place < 0 || place >= count) return undefined;
    refused.set(place, typeof error === 'string' && error !== '' ? oneLine(error) : 'The broker refused it.');
  }
  return refused;
}
