import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Attributes, type Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import { isDomainError } from '@dsops/kernel';
import { currentContext, inContext, newTraceparent, parseTraceparent, sampleTraces } from './context.js';

export interface TelemetryOptions {
  /** As the sidecar of this process calls it, so that both stand under one name. */
  readonly serviceName: string;
  /** Zipkin's collector, such as `http://127.0.0.1:9411/api/v2/spans`. */
  readonly zipkinUrl?: string | undefined;
  /** An OTLP collector, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly otlpUrl?: string | undefined;
  /** The share of the traces that begin in this process and are collected, from 0 to 1; all unless said. */
  readonly traceShare?: number | undefined;
}

/** Attributes name things; never a value, never the text of a foreign error. Names: opentelemetry.io/docs/specs/semconv. */
export interface SpanToMake {
  /** Few different ones, such as `publish rotation-events`: ids are attributes. */
  readonly name: string;
  readonly kind?: keyof typeof KINDS;
  readonly attributes?: Attributes;
  /** What it is part of; the present context's unless said. */
  readonly traceparent?: string | undefined;
}

export interface OpenSpan {
  /** For what happens within it. */
  readonly traceparent: string;
  /** Ends it, with what went wrong if anything did. */
  end(outcome?: { readonly error?: unknown; readonly name?: string; readonly attributes?: Attributes }): void;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

let tracer: Tracer | undefined;

/**
 * From now on spans of this process are sent to the collectors, in the background: one that does not answer loses spans
 * and disturbs nothing. Without it everything still carries its trace id, in logs and events.
 */
export function startTelemetry({ serviceName, zipkinUrl, otlpUrl, traceShare }: TelemetryOptions): {
  stop(): Promise<void>;
} {
  const exporters = [
    ...(zipkinUrl === undefined ? [] : [new ZipkinExporter({ url: zipkinUrl, serviceName })]),
    ...(otlpUrl === undefined ? [] : [new OTLPTraceExporter({ url: otlpUrl })]),
  ];
  if (exporters.length === 0) return { stop: () => Promise.resolve() };
  const processors = exporters.map((exporter) => new BatchSpanProcessor({ exporter, scheduledDelayMillis: 1_000 }));
  return collectSpans(serviceName, processors, traceShare);
}

/** Spans of this process go to these processors. */
export function collectSpans(
  serviceName: string,
  spanProcessors: readonly SpanProcessor[],
  traceShare = 1,
): { stop(): Promise<void> } {
  const resource = resourceFromAttributes({ 'service.name': serviceName });
  const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(traceShare) });
  const provider = new TracerProvider({ resource, sampler, spanProcessors: [...spanProcessors] });
  sampleTraces(traceShare);
  tracer = provider.getTracer('dsops');
  return {
    stop: async () => {
      tracer = undefined;
      sampleTraces(1);
      await provider.shutdown().catch(() => undefined); // what the collector did not take is lost
    },
  };
}

/** Begins a span whose end somebody else knows, such as that of a request. Prefer {@link inSpan}. */
export function openSpan({ name, kind = 'internal', attributes = {}, traceparent }: SpanToMake): OpenSpan {
  const parent = traceparent ?? currentContext()?.traceparent;
  if (tracer === undefined) return { traceparent: parent ?? newTraceparent(), end: () => undefined };
  const parsed = parent === undefined ? undefined : parseTraceparent(parent);
  const context =
    parsed === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parsed, isRemote: true });
  const span = tracer.startSpan(name, { kind: KINDS[kind], attributes }, context);
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    end: ({ error, name: betterName, attributes: late } = {}) => {
      if (betterName !== undefined) span.updateName(betterName);
      if (late !== undefined) span.setAttributes(late);
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: wordError(error) });
      span.end();
    },
  };
}

/** Does the work within a span: its log lines, events and calls belong to it. */
export async function inSpan<R>(spanToMake: SpanToMake, work: () => Promise<R>): Promise<R> {
  const span = openSpan(spanToMake);
  try {
    const result = await inContext({ ...currentContext(), traceparent: span.traceparent }, work);
    span.end();
    return result;
  } catch (error) {
    span.end({ error });
    throw error;
  }
}

/** Our errors have a code that says it all; the text of others could quote anything. */
const wordError = (error: unknown): string =>
  isDomainError(error) ? error.code : error instanceof Error ? error.name : typeof error;
