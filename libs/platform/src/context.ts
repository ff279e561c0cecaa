import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/** What is bound once per request or delivery and stands in every log line and event of it. */
export interface WorkContext {
  readonly requestId?: string;
  /** W3C Trace Context, https://www.w3.org/TR/trace-context/: stored with each event, so that effects join the trace. */
  readonly traceparent: string;
  readonly actorId?: string;
  readonly eventId?: string;
}

const storage = new AsyncLocalStorage<WorkContext>();

export const currentContext = (): WorkContext | undefined => storage.getStore();

export const inContext = <R>(context: WorkContext, work: () => R): R => storage.run(context, work);

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

let sampledShare = 1;

/** From now on so many of the traces that begin here are collected, from 0 to 1; a trace of others is as they decided. */
export const sampleTraces = (share: number): void => void (sampledShare = share);

/** The beginning of a trace; its last byte says whether it is collected, everywhere that it comes to. */
export const newTraceparent = (): string =>
  `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-${Math.random() < sampledShare ? '01' : '00'}`;

export const isTraceparent = (value: string | undefined): value is string =>
  value !== undefined && TRACEPARENT.test(value);

export const traceIdOf = (traceparent: string): string => TRACEPARENT.exec(traceparent)?.[1] ?? '';

/** Its parts; undefined when it is none. */
export function parseTraceparent(text: string): { traceId: string; spanId: string; traceFlags: number } | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text) ?? [];
  return traceId && spanId && flags ? { traceId, spanId, traceFlags: Number.parseInt(flags, 16) } : undefined;
}
