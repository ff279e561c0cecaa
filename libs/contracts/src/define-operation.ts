import type { z } from 'zod';
import type { Role } from './principal.js';
import type { ServiceName } from './service-names.js';

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

/**
 * Does a second request of this method do it a second time? Then it carries an Idempotency-Key, by which the owner
 * answers a repetition with what the first has come to. The others come to the same however often they are sent.
 */
export const isKeyed = (method: Method): boolean => KEYED[method];

const KEYED: Record<Method, boolean> = { GET: false, POST: true, PUT: false, PATCH: true, DELETE: false };

export interface Operation {
  readonly id: string;
  readonly method: Method;
  /** Below `/api/v1` at the gateway and at the root of the service, with parameters as `{name}`. */
  readonly path: string;
  readonly service: ServiceName;
  /** The least role that may call it. */
  readonly role: Role;
  readonly summary: string;
  readonly tag: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** An object, or a union of objects. */
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
  readonly status: 200 | 201 | 202;
}

/**
 * One operation of the public API. The gateway's routes, the OpenAPI document and the typed calls of the CLI come from
 * this table; a service mounts the same path for its own operations.
 */
export const defineOperation = <const O extends Operation>(operation: O): O => operation;

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;
type Sent<S> = S extends z.ZodType ? z.input<S> : undefined;
export type ParamsOf<O> = O extends { params: infer S } ? Parsed<S> : undefined;
export type QueryOf<O> = O extends { query: infer S } ? Parsed<S> : undefined;
export type BodyOf<O> = O extends { body: infer S } ? Parsed<S> : undefined;
export type ResponseOf<O> = O extends { response: infer S } ? Parsed<S> : undefined;
/** What a client passes: defaults may be left out. */
export type RequestOf<O> = {
  params?: O extends { params: infer S } ? Sent<S> : never;
  query?: O extends { query: infer S } ? Partial<Sent<S>> : never;
  body?: O extends { body: infer S } ? Sent<S> : never;
};
