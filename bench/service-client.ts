import { randomBytes } from 'node:crypto';
import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { problemSchema } from '@dsops/contracts/problem';
import { newId } from '@dsops/kernel';
import { CALLER_HEADER, encodeCaller, pathOf, TOKEN_HEADER, type Caller } from '@dsops/platform';

const caller: Caller = { actor: { kind: 'user', id: 'bench', name: 'bench' }, role: 'admin' };

/** Asks a service as the gateway would. */
export class ServiceClient {
  constructor(
    readonly url: string,
    private readonly token: string,
  ) {}

  /** @throws Error with code and sentence of the problem that the service answered */
  async ask<O extends Operation>(operation: O, request: RequestOf<O>): Promise<ResponseOf<O>> {
    const response = await fetch(`${this.url}${pathOf(operation, request)}`, {
      method: operation.method,
      headers: {
        'content-type': 'application/json',
        'idempotency-key': newId(),
        [TOKEN_HEADER]: this.token,
        [CALLER_HEADER]: encodeCaller(caller),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    const body: unknown = await response.json();
    if (response.ok) return operation.response.parse(body) as ResponseOf<O>;
    const { code, detail } = problemSchema.parse(body);
    throw new Error(`${operation.id}: ${code}: ${detail}`);
  }
}

export const newToken = (): string => randomBytes(24).toString('base64url');
