import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

const spanSchema = z.object({
  traceId: z.string(),
  localEndpoint: z.object({ serviceName: z.string() }).partial().optional(),
});
const tracesSchema = z.array(z.array(spanSchema));

export interface TraceSummary {
  readonly id: string;
  readonly spans: number;
  /** Names of the services that have a part in it, sorted. */
  readonly services: readonly string[];
}

/** Spans are sent in batches, a few seconds after they have ended. */
const PATIENCE_MS = 15_000;
const LOOK_MS = 2_000;

/**
 * The trace that crosses the most services of all that began since an instant, and of those the longest: of a rotation,
 * the one that goes through the services' events. Undefined when there is none after some seconds.
 */
export async function findWidestTrace(zipkinUrl: string, sinceMs: number): Promise<TraceSummary | undefined> {
  const deadline = performance.now() + PATIENCE_MS;
  let widest: TraceSummary | undefined;
  for (;;) {
    const found = widestOf(await tracesSince(zipkinUrl, sinceMs));
    // Two looks with the same answer: its last spans have come.
    if (found !== undefined && found.id === widest?.id && found.spans === widest.spans) return found;
    widest = found;
    if (performance.now() > deadline) return widest;
    await pause(LOOK_MS);
  }
}

async function tracesSince(zipkinUrl: string, sinceMs: number): Promise<z.output<typeof tracesSchema>> {
  const query = new URLSearchParams({ lookback: String(Date.now() - sinceMs), limit: '200' });
  const response = await fetch(`${zipkinUrl}/api/v2/traces?${query}`, { signal: AbortSignal.timeout(10_000) });
  return tracesSchema.parse(await response.json());
}

/** @param traces the spans of each trace */
export function widestOf(traces: z.output<typeof tracesSchema>): TraceSummary | undefined {
  const summaries = traces.flatMap((spans) => {
    const [first] = spans;
    if (first === undefined) return [];
    const services = new Set(spans.flatMap(({ localEndpoint }) => localEndpoint?.serviceName ?? []));
    return [{ id: first.traceId, spans: spans.length, services: [...services].sort() }];
  });
  return summaries.sort((a, b) => b.services.length - a.services.length || b.spans - a.spans)[0];
}
