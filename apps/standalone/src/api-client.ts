import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { problemSchema } from '@dsops/contracts/problem';
import { DomainError, newId } from '@dsops/kernel';
import { pathOf } from '@dsops/platform';

/** Calls the public API as any other client would. */
export class ApiClient {
  constructor(
    readonly url: string,
    private readonly key: string,
  ) {}

  /** @throws DomainError as the API says it. */
  async call<O extends Operation>(operation: O, request: RequestOf<O> = {}): Promise<ResponseOf<O>> {
    const response = await fetch(`${this.url}/api/v1${pathOf(operation, request)}`, {
      method: operation.method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(operation.method === 'POST' ? { 'idempotency-key': newId(), 'content-type': 'application/json' } : {}),
      },
      ...(operation.method === 'POST' ? { body: JSON.stringify(request.body ?? {}) } : {}),
      signal: AbortSignal.timeout(60_000),
    });
    const body: unknown = await response.json();
    if (response.ok) return operation.response.parse(body) as ResponseOf<O>;
    const { code, kind, detail, remedy } = problemSchema.parse(body);
    throw new DomainError(code, kind, detail, remedy === undefined ? {} : { remedy });
  }
}
