import type { IncomingHttpHeaders } from 'node:http';
import { fault, type FakeAnswer } from './fake-publish.js';

export interface FakeApp {
  readonly url: string;
  /** What its own sidecar shows it. */
  readonly token: string;
}

interface FakeInvocation {
  readonly appId: string;
  readonly method: string;
  /** As it was sent: encoded, from the slash on. */
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const FORWARDED = ['content-type', 'traceparent', 'dsops-request-id', 'dsops-caller'];

/**
 * `/v1.0/invoke/<app>/method/<path>` as daprd 1.18.1 does it (pkg/api/http/directmessaging.go): the path is decoded, and
 * what comes out is what the other app is asked for. Errors of its own are `{errorCode, message}`.
 */
export async function invoke(app: FakeApp | undefined, call: FakeInvocation): Promise<FakeAnswer> {
  const failed = (why: string) => fault(500, 'ERR_DIRECT_INVOKE', `failed to invoke, id: ${call.appId}, err: ${why}`);
  if (app === undefined) return failed(`couldn't find service: ${call.appId}`);
  const path = decodeURIComponent(call.path);
  if (/[#?\\\0]/.test(path)) return failed(`invalid method: method contains forbidden character: "${path}"`);
  if (/%(?![0-9a-f]{2})/i.test(path)) return failed(`error invoking app channel: parse "${path}": invalid URL escape`);
  const forwarded = FORWARDED.flatMap((name) =>
    typeof call.headers[name] === 'string' ? [[name, call.headers[name]]] : [],
  );
  try {
    const response = await fetch(`${app.url}${path}${call.query}`, {
      method: call.method,
      headers: { ...(Object.fromEntries(forwarded) as Record<string, string>), 'dapr-api-token': app.token },
      ...(call.body === '' ? {} : { body: call.body }),
    });
    return { status: response.status, text: await response.text() };
  } catch {
    return failed('error invoking app channel: connection refused');
  }
}

export const denied = (appId: string): FakeAnswer =>
  fault(
    403,
    'ERR_DIRECT_INVOKE',
    `failed to invoke, id: ${appId}, err: rpc error: code = PermissionDenied desc = access control policy has denied access to id: spiffe://public/ns/default/us`,
  );
