import { afterEach, describe, expect, it } from '@jest/globals';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { inContext, newTraceparent } from './context.js';
import { collectSpans, inSpan, openSpan } from './telemetry.js';

const COLLECTED = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const LEFT_OUT = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-00`;

describe('the share of traces that is collected', () => {
  let exporter: InMemorySpanExporter;
  let telemetry: { stop(): Promise<void> } | undefined;
  afterEach(() => telemetry?.stop());
  const collect = (share?: number) => {
    exporter = new InMemorySpanExporter();
    telemetry = collectSpans('spec', [new SimpleSpanProcessor({ exporter })], share);
  };
  const names = () => exporter.getFinishedSpans().map(({ name }) => name);
  const flagOf = (traceparent: string) => traceparent.slice(-2);

  it('is all of them unless said', () => {
    collect();
    const span = openSpan({ name: 'request' });
    span.end();
    expect(names()).toEqual(['request']);
    expect([span.traceparent, newTraceparent()].map(flagOf)).toEqual(['01', '01']);
  });

  it('decides where a trace begins, and says so to everywhere that it comes to', async () => {
    collect(0);
    await inSpan({ name: 'request' }, async () => {
      await inSpan({ name: 'outbox' }, async () => undefined);
      expect(flagOf(openSpan({ name: 'publish' }).traceparent)).toBe('00');
    });
    await inContext({ traceparent: newTraceparent() }, () => inSpan({ name: 'background' }, async () => undefined));
    expect(names()).toEqual([]);
  });

  it('leaves to others what they have begun: their traces are whole, or not there', async () => {
    collect(0);
    await inContext({ traceparent: COLLECTED }, () => inSpan({ name: 'process' }, async () => undefined));
    expect(names()).toEqual(['process']);
    await telemetry?.stop();
    collect(1);
    await inContext({ traceparent: LEFT_OUT }, () => inSpan({ name: 'process' }, async () => undefined));
    expect(names()).toEqual([]);
  });

  it('is about so large as it was said to be', () => {
    collect(0.2);
    for (let n = 0; n < 2_000; n += 1) openSpan({ name: 'request' }).end();
    expect(names().length).toBeGreaterThan(250);
    expect(names().length).toBeLessThan(550);
  });
});
