import { randomBytes } from 'node:crypto';
import { ApiClient } from '@dsops/api-client';
import { CALLER_HEADER, encodeCaller, TOKEN_HEADER, type Caller } from '@dsops/platform';

const caller: Caller = { actor: { kind: 'user', id: 'bench', name: 'bench' }, role: 'admin' };

/** Asks a service as the gateway would. What is measured is asked once: a lost connection is a failure. */
export const serviceClient = (url: string, token: string): ApiClient =>
  new ApiClient({
    url,
    basePath: '',
    credentials: () => ({ [TOKEN_HEADER]: token, [CALLER_HEADER]: encodeCaller(caller) }),
    retryDelaysMs: [],
  });

export const newToken = (): string => randomBytes(24).toString('base64url');
