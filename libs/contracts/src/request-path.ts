import type { Operation } from './define-operation.js';

/**
 * Path and query of a call: below `/api/v1` at the gateway, at the root of the service that owns the operation. A value
 * of the query that is undefined is left out.
 */
export function pathOf(
  operation: Pick<Operation, 'path'>,
  { params, query }: { readonly params?: unknown; readonly query?: unknown },
): string {
  const named = (params ?? {}) as Readonly<Record<string, unknown>>;
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(named[name])));
  const search = new URLSearchParams(
    Object.entries((query ?? {}) as Readonly<Record<string, string | number | boolean | undefined>>).flatMap(
      ([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]),
    ),
  ).toString();
  return search === '' ? path : `${path}?${search}`;
}
