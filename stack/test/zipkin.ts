import { z } from 'zod';

const spanSchema = z.object({
  traceId: z.string(),
  id: z.string(),
  parentId: z.string().optional(),
  name: z.string().default(''),
  tags: z.record(z.string(), z.string()).default({}),
  localEndpoint: z.object({ serviceName: z.string() }).partial().default({}),
});
const tracesSchema = z.array(z.array(spanSchema));

export type Span = z.output<typeof spanSchema>;

export interface Collected {
  readonly traces: readonly (readonly Span[])[];
  /** The answer as it came: with everything that any span says. */
  readonly text: string;
}

/** Everything that Zipkin has, https://zipkin.io/zipkin-api/. */
export async function collectedBy(zipkinUrl: string): Promise<Collected> {
  const query = new URLSearchParams({ lookback: '3600000', limit: '5000' });
  const response = await fetch(`${zipkinUrl}/api/v2/traces?${query}`);
  const text = await response.text();
  return { traces: tracesSchema.parse(JSON.parse(text)), text };
}

/** As `service: name`, each once, sorted. Zipkin spells names in lower case. */
export const namesOf = (spans: readonly Span[]): string[] =>
  [...new Set(spans.map(({ name, localEndpoint }) => `${localEndpoint.serviceName}: ${name}`))].sort();

/** Spans whose parent did not arrive: of a whole trace only the first one, which may have a parent in the caller. */
export function orphansOf(spans: readonly Span[]): Span[] {
  const ids = new Set(spans.map(({ id }) => id));
  return spans.filter(({ parentId }) => parentId === undefined || !ids.has(parentId));
}
