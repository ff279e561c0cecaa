import { tryParseJson } from '@dsops/platform';

/** Events as they arrived in one request of daprd, and how it wants to be answered. */
export type Inbound =
  | { readonly kind: 'bulk'; readonly entries: readonly { readonly entryId: string; readonly body: unknown }[] }
  | { readonly kind: 'single'; readonly body: unknown };

const RAW = 'application/octet-stream';

/**
 * Reads what daprd posts: `{entries: [{entryId, event, contentType, metadata}]}` of a bulk subscription, or one CloudEvent.
 * Under a subscription with `rawPayload` the event is the base64 of the record's bytes, whatever they are; otherwise it is
 * JSON that daprd has read. What cannot be read is handed on as it is, because refusing it would only bring it back.
 */
export function readInbound(requestBody: unknown): Inbound {
  const body = Buffer.isBuffer(requestBody) ? textOrJson(requestBody) : requestBody;
  const { entries } = (body ?? {}) as { entries?: unknown };
  if (!Array.isArray(entries)) return { kind: 'single', body: unwrapped(body) };
  return {
    kind: 'bulk',
    entries: (entries as unknown[]).map((entry) => {
      const { entryId, event, contentType } = (entry ?? {}) as Record<string, unknown>;
      const isRaw = typeof event === 'string' && contentType === RAW;
      return { entryId: String(entryId), body: isRaw ? fromBase64(event) : event };
    }),
  };
}

/** A subscription with `rawPayload` that is not in bulk: daprd wraps the bytes in a CloudEvent with a new id each time. */
function unwrapped(body: unknown): unknown {
  const { type, data_base64: data } = (body ?? {}) as Record<string, unknown>;
  return type === 'com.dapr.event.sent' && typeof data === 'string' ? fromBase64(data) : body;
}

const fromBase64 = (text: string): unknown => textOrJson(Buffer.from(text, 'base64'));

/** JSON if it is any, else the text, with the replacement character for bytes that are no UTF-8. */
function textOrJson(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  return tryParseJson(text) ?? (text.trim() === 'null' ? null : text);
}
