import type { Operation } from '@dsops/contracts/define-operation';

export type RouteMatch =
  | { readonly kind: 'found'; readonly operation: Operation; readonly params: Readonly<Record<string, string>> }
  /** There is something at this path, for these methods. */
  | { readonly kind: 'other_method'; readonly allowed: readonly string[] }
  | { readonly kind: 'unknown' };

interface Route {
  readonly operation: Operation;
  /** A word, or the name of a parameter. */
  readonly segments: readonly ({ readonly word: string } | { readonly param: string })[];
}

/** Finds the operation of a request. Words go before parameters, so that `/notifications/clear` is no notification. */
export class RouteTable {
  private readonly routes: readonly Route[];

  constructor(operations: readonly Operation[]) {
    this.routes = operations
      .map((operation) => ({ operation, segments: segmentsOf(operation.path) }))
      .sort(byWordsFirst);
  }

  /**
   * @param path below `/api/v1`, still percent-encoded, without the query
   */
  match(method: string, path: string): RouteMatch {
    const parts = path.split('/').slice(1);
    const fitting = this.routes.flatMap((route) => {
      const params = fit(route, parts);
      return params === undefined ? [] : [{ operation: route.operation, params }];
    });
    const wanted = method === 'HEAD' ? 'GET' : method;
    const found = fitting.find(({ operation }) => operation.method === wanted);
    if (found !== undefined) return { kind: 'found', ...found };
    if (fitting.length === 0) return { kind: 'unknown' };
    return { kind: 'other_method', allowed: [...new Set(fitting.map(({ operation }) => operation.method))].sort() };
  }
}

const segmentsOf = (path: string): Route['segments'] =>
  path
    .split('/')
    .slice(1)
    .map((part) => (part.startsWith('{') ? { param: part.slice(1, -1) } : { word: part }));

const shapeOf = ({ segments }: Route): string => segments.map((segment) => ('word' in segment ? '0' : '1')).join('');
const byWordsFirst = (one: Route, other: Route): number => shapeOf(one).localeCompare(shapeOf(other));

function fit({ segments }: Route, parts: readonly string[]): Record<string, string> | undefined {
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [place, segment] of segments.entries()) {
    const part = decode(parts[place]!);
    if (part === undefined || part === '') return undefined;
    if ('param' in segment) params[segment.param] = part;
    else if (segment.word !== part) return undefined;
  }
  return params;
}

/** Undefined when it is no valid percent-encoding: then there is nothing at that path. */
function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
