import type { FakeBroker } from './fake-broker.js';

export interface FakeAnswer {
  readonly status: number;
  readonly body?: unknown;
  /** Sent as it is, instead of JSON of the body. */
  readonly text?: string;
}

/** An entry of a bulk publish that the fake has found sound. */
export interface FakeEntry {
  readonly entryId: string;
  readonly event: unknown;
  readonly key: string | undefined;
}

export const fault = (status: number, errorCode: string, message: string): FakeAnswer => ({
  status,
  body: { errorCode, message },
});

const JSON_TYPE = /^application\/([^;]+\+)?json(;|$)/;

interface PublishRules {
  readonly pubsub: string;
  /** Topics that the app may publish to; all unless given. */
  readonly allowedTopics: readonly string[] | undefined;
  /** Why the broker refuses an entry; undefined when it takes it. */
  readonly refuses: (entry: FakeEntry) => string | undefined;
}

/**
 * `POST /v1.0/publish/bulk/<pubsub>/<topic>` as daprd 1.18.1 answers it (pkg/api/http/http.go, onBulkPublish): what it
 * refuses, and with which status and code. An accepted entry is in the broker when the answer comes.
 */
export function bulkPublish(broker: FakeBroker, rules: PublishRules, url: URL, body: string): FakeAnswer {
  const [pubsub = '', ...rest] = url.pathname.replace('/v1.0/publish/bulk/', '').split('/').map(decodeURIComponent);
  const topic = rest.join('/');
  if (pubsub !== rules.pubsub) return fault(404, 'ERR_PUBSUB_NOT_FOUND', `pubsub ${pubsub} is not found`);
  if (topic === '') return fault(404, 'ERR_TOPIC_NAME_EMPTY', `topic is empty in pubsub ${pubsub}`);
  const read = entriesOf(body, topic);
  if (!Array.isArray(read)) return read;
  if (rules.allowedTopics !== undefined && !rules.allowedTopics.includes(topic))
    return fault(403, 'ERR_PUBSUB_FORBIDDEN', `topic ${topic} is not allowed for app id fake`);
  const isRaw = url.searchParams.get('metadata.rawPayload') === 'true';
  const failedEntries: { entryId: string; error: string }[] = [];
  for (const entry of read) {
    const error = rules.refuses(entry);
    if (error === undefined)
      broker.append(
        topic,
        entry.key,
        Buffer.from(JSON.stringify(isRaw ? entry.event : enveloped(entry.event, topic, pubsub))),
      );
    else failedEntries.push({ entryId: entry.entryId, error });
  }
  if (failedEntries.length === 0) return { status: 204 };
  return { status: 500, body: { failedEntries, errorCode: 'ERR_PUBSUB_PUBLISH_MESSAGE' } };
}

function entriesOf(body: string, topic: string): FakeEntry[] | FakeAnswer {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    given = undefined;
  }
  if (!Array.isArray(given))
    return fault(400, 'ERR_PUBSUB_EVENTS_SER', `error when unmarshaling the request for topic ${topic}`);
  const seen = new Set<string>();
  const entries: FakeEntry[] = [];
  for (const one of given as Record<string, unknown>[]) {
    const { entryId, event, contentType, metadata } = one;
    if (typeof contentType !== 'string' || !JSON_TYPE.test(contentType))
      return fault(
        400,
        'ERR_PUBSUB_EVENTS_SER',
        `error when marshalling cloud event envelope for topic ${topic}: ContentType mismatch`,
      );
    if (typeof entryId !== 'string' || entryId === '' || seen.has(entryId))
      return fault(
        400,
        'ERR_PUBSUB_EVENTS_SER',
        `error marshaling events to bytes for topic ${topic}: entryId is duplicated or not present for entry`,
      );
    if (metadata !== undefined && Object.values(metadata as object).some((value) => typeof value !== 'string'))
      return fault(400, 'ERR_PUBSUB_EVENTS_SER', `error when unmarshaling the request for topic ${topic}`);
    seen.add(entryId);
    const { partitionKey: key } = (metadata ?? {}) as { partitionKey?: string };
    entries.push({ entryId, event, key });
  }
  return entries;
}

/** What daprd makes of a CloudEvent that is not published as raw payload (components-contrib, FromCloudEvent). */
function enveloped(event: unknown, topic: string, pubsubname: string): object {
  const given = event as Record<string, unknown>;
  const trace = `00-${'d'.repeat(32)}-${'d'.repeat(16)}-01`;
  return {
    time: new Date().toISOString(),
    source: 'Dapr',
    type: 'com.dapr.event.sent',
    specversion: '1.0',
    tracestate: '',
    ...given,
    ...('traceid' in given ? {} : { traceid: trace, traceparent: trace }),
    topic,
    pubsubname,
  };
}
