import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { CALLER_HEADER, encodeCaller, pathOf, TOKEN_HEADER, type Caller } from '@dsops/platform';

/** What callers of a hosted service show. It protects nothing here: everything listens on loopback for seconds. */
export const TOKEN = 'kill';

const caller: Caller = { actor: { kind: 'user', id: 'kill-test', name: 'kill test' }, role: 'admin' };

export type Answer<O extends Operation> =
  | { readonly kind: 'answered'; readonly body: ResponseOf<O> }
  /** Not possible as it was asked. */
  | { readonly kind: 'refused'; readonly problem: string }
  /** Whether it was done is not known: ask again with the same key. */
  | { readonly kind: 'silent' };

/** One request to a hosted service. Who wants it done for sure repeats it with the same Idempotency-Key. */
export async function requestOnce<O extends Operation>(
  url: string,
  operation: O,
  request: RequestOf<O>,
  idempotencyKey: string,
): Promise<Answer<O>> {
  try {
    const response = await fetch(`${url}${pathOf(operation, request)}`, {
      method: operation.method,
      headers: {
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
        [TOKEN_HEADER]: TOKEN,
        [CALLER_HEADER]: encodeCaller(caller),
      },
      body: JSON.stringify(request.body),
    });
    const text = await response.text();
    if (response.ok) return { kind: 'answered', body: operation.response.parse(JSON.parse(text)) as ResponseOf<O> };
    return response.status < 500 ? { kind: 'refused', problem: text } : { kind: 'silent' };
  } catch (error) {
    // What fetch throws when the process dies under it; anything else is a mistake of this test.
    if (error instanceof TypeError) return { kind: 'silent' };
    throw error;
  }
}
