import { ApiClient } from '@dsops/api-client';
import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { isDomainError, type DomainError } from '@dsops/kernel';
import { CALLER_HEADER, encodeCaller, TOKEN_HEADER, type Caller } from '@dsops/platform';

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
  const client = new ApiClient({
    url,
    basePath: '',
    credentials: () => ({ [TOKEN_HEADER]: TOKEN, [CALLER_HEADER]: encodeCaller(caller) }),
    retryDelaysMs: [],
  });
  try {
    return { kind: 'answered', body: await client.call(operation, request, { idempotencyKey }) };
  } catch (error) {
    // An answer that breaks the contract, or a mistake of this test.
    if (!isDomainError(error) || error.code === 'answer_not_understood') throw error;
    return isSilence(error) ? { kind: 'silent' } : { kind: 'refused', problem: `${error.code}: ${error.message}` };
  }
}

/** The process died under it, or said itself that it does not know. */
const isSilence = ({ kind }: DomainError): boolean => kind === 'unavailable' || kind === 'internal';
