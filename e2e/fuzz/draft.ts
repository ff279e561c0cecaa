import type { Endpoint, Role } from './contract.js';
import type { Kind } from './knowledge.js';

/** Stands in a draft for something that earlier answers gave; which one is found when the request is sent. */
export class Known {
  constructor(
    readonly kind: Kind,
    readonly choice: number,
    /** Sent while none is known. */
    readonly otherwise: string,
  ) {}
}

export type Part = string | Known;

/** Who asks. `nobody` sends no key, `stranger` one that is none. */
export type Who = Role | 'nobody' | 'stranger';

export type Body =
  | { readonly kind: 'none' }
  /** Sent as JSON; parts of it may be {@link Known}. */
  | { readonly kind: 'json'; readonly value: unknown }
  /** Sent as it is. */
  | { readonly kind: 'raw'; readonly text: string };

/** A request before its parts are filled in: plain data, so that the same seed makes the same one. */
export interface Draft {
  readonly endpoint: Endpoint;
  readonly method: string;
  /** The endpoint's path, or something odd in its place. */
  readonly path: string;
  readonly params: Readonly<Record<string, Part>>;
  /** In order; a name may come twice. */
  readonly query: readonly (readonly [string, Part])[];
  readonly headers: readonly (readonly [string, string])[];
  readonly who: Who;
  readonly body: Body;
  readonly contentType: string | undefined;
  /** What was done to a request that the contract allows, in words; empty when nothing was. */
  readonly spoiled: readonly string[];
}
