import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Known, type Draft, type Part, type Who } from './draft.js';
import type { Endpoint } from './contract.js';
import type { Knowledge } from './knowledge.js';

/** A request as it goes over the wire, with the draft that it was made from. */
export interface Sent {
  readonly draft: Draft;
  readonly method: string;
  /** With the query, percent-encoded. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | undefined;
  /** The values of path and query, as a server decodes them. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [string, string])[];
}

export interface Answer {
  /** 0 when none came: `text` says why. */
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly tookMs: number;
}

/** No request may take longer. */
export const LIMIT_MS = 10_000;
/** How long the feed, whose answer never ends, is read. */
const STREAM_MS = 250;
const PREFIX = '/api/v1';

/** Fills in what a draft leaves open. */
export function requestOf(draft: Draft, knowledge: Knowledge, keyOf: (who: Who) => string | undefined): Sent {
  const fill = (part: Part): string =>
    part instanceof Known ? (knowledge.pick(part.kind, part.choice) ?? part.otherwise) : part;
  const params = Object.fromEntries(Object.entries(draft.params).map(([name, part]) => [name, fill(part)]));
  const query = draft.query.map(([name, part]) => [name, fill(part)] as const);
  const path = draft.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encode(params[name] ?? ''));
  const search = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  const key = keyOf(draft.who);
  const stated = new Set(draft.headers.map(([name]) => name));
  return {
    draft,
    method: draft.method,
    target: `${PREFIX}${path}${search === '' ? '' : `?${search}`}`,
    headers: [
      ...(key === undefined || stated.has('authorization') ? [] : [['authorization', `Bearer ${key}`] as const]),
      ...(draft.contentType === undefined ? [] : [['content-type', draft.contentType] as const]),
      ...draft.headers.map(([name, value]) => [name, value] as const),
    ],
    body: bodyOf(draft, fill),
    params,
    query,
  };
}

/** Percent-encoding of what has half a character in it too: as the bytes that a careless client would send. */
const encode = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replaceAll(/^\.+$/g, (dots) => dots.replaceAll('.', '%2E'));

function bodyOf({ body }: Draft, fill: (part: Part) => string): string | undefined {
  if (body.kind === 'none') return undefined;
  if (body.kind === 'raw') return body.text;
  return JSON.stringify(body.value, (_, part: unknown) => (part instanceof Known ? fill(part) : part)) ?? '';
}

/** Sends it, and reads the answer whole; of the feed, what comes within a moment. */
export function send(base: string, sent: Sent): Promise<Answer> {
  const startedMs = performance.now();
  const { hostname, port } = new URL(base);
  const since = () => performance.now() - startedMs;
  return new Promise((done) => {
    const fail = (why: string) => done({ status: 0, headers: {}, text: why, tookMs: since() });
    const body = sent.body === undefined ? undefined : Buffer.from(sent.body);
    // Stated also for no body, as clients do: else Node would announce one of unknown length.
    const length = body === undefined && sent.method !== 'POST' ? [] : ['content-length', String(body?.length ?? 0)];
    const headers = [...sent.headers.flat(), ...length];
    const outgoing = httpRequest(
      { hostname, port, method: sent.method, path: sent.target, headers: ['host', `${hostname}:${port}`, ...headers] },
      (incoming) => {
        const chunks: Buffer[] = [];
        const finish = () => {
          clearTimeout(limit);
          const text = Buffer.concat(chunks).toString();
          done({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, tookMs: since() });
        };
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.once('end', finish);
        incoming.once('error', finish);
        if (!isStream(incoming)) return;
        setTimeout(() => {
          finish();
          outgoing.destroy();
        }, STREAM_MS);
      },
    );
    const limit = setTimeout(() => {
      fail(`no answer within ${LIMIT_MS} ms`);
      outgoing.destroy();
    }, LIMIT_MS);
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(limit);
      fail(`the connection broke (${error.code ?? error.message})`);
    });
    outgoing.end(body);
  });
}

const isStream = ({ headers }: IncomingMessage): boolean =>
  headers['content-type']?.startsWith('text/event-stream') === true;

const SHOWN = 300;
const shorten = (text: string): string =>
  text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text;

/** A request for a report, on one line each: enough to send it again by hand. Keys are named, never shown. */
export function describe({ draft, method, target, headers, body }: Sent): string {
  const shown = headers.map(([name, value]) =>
    name === 'authorization' && !draft.headers.some(([other]) => other === name)
      ? `authorization: Bearer <${draft.who}>`
      : `${name}: ${shorten(JSON.stringify(value))}`,
  );
  return [
    `${method} ${shorten(target)}`,
    ...shown,
    ...(body === undefined ? [] : [shorten(JSON.stringify(withoutPasswords(body)))]),
  ].join('\n');
}

const withoutPasswords = (body: string): string => body.replaceAll(/("password":")[^"]{12,}"/g, '$1<password>"');

/** Is the answer that of the operation, and not of another path or method? */
export const isRouted = ({ draft }: Sent, endpoint: Endpoint = draft.endpoint): boolean =>
  draft.path === endpoint.path && draft.method === endpoint.method;
