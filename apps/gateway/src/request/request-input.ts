import { API_VERSION } from '@dsops/contracts/api';
import type { Operation } from '@dsops/contracts/define-operation';
import { DomainError } from '@dsops/kernel';
import { parseInput, type InputOf } from '@dsops/platform';

/** A request below `/api/v1` as it came in. */
export interface ApiRequest {
  readonly operation: Operation;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  /** Undefined when there was none, or none in JSON. */
  readonly body: unknown;
  /** A body came that is not declared as JSON, so nobody has read it. */
  readonly hasForeignBody: boolean;
  readonly authorization: string | undefined;
  readonly client: string | undefined;
  readonly idempotencyKey: string | undefined;
}

const isFilled = (value: unknown): boolean =>
  value !== undefined && value !== null && (typeof value !== 'object' || Object.keys(value).length > 0);

/**
 * Checks a request against its operation, before anybody acts on it.
 * @throws DomainError `body_not_json`, `request_invalid`: all faults together, without the values that were sent.
 */
export function checkInput(request: ApiRequest): InputOf<Operation> {
  const { operation } = request;
  if (request.hasForeignBody)
    throw new DomainError('body_not_json', 'invalid', 'The body is not declared as JSON.', {
      remedy: 'Send it with "Content-Type: application/json".',
    });
  const takesNo = (what: string) =>
    new DomainError('request_invalid', 'invalid', `${operation.id} takes no ${what}.`, {
      remedy: `Leave it out; see /api/v${API_VERSION}/openapi.json.`,
    });
  if (operation.query === undefined && isFilled(request.query)) throw takesNo('query');
  if (operation.body === undefined && isFilled(request.body)) throw takesNo('body');
  return parseInput(operation, request);
}
