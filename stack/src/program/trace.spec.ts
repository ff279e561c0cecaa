import { describe, expect, it } from '@jest/globals';
import { widestOf } from './trace.js';

const span = (traceId: string, serviceName: string) => ({ traceId, localEndpoint: { serviceName } });

describe('the widest trace', () => {
  it('is the one through the most services, and of those the longest', () => {
    const traces = [
      [span('health', 'gateway'), span('health', 'gateway'), span('health', 'gateway'), span('health', 'gateway')],
      [span('short', 'gateway'), span('short', 'rotation')],
      [span('long', 'rotation'), span('long', 'gateway'), span('long', 'rotation')],
    ];
    expect(widestOf(traces)).toEqual({ id: 'long', spans: 3, services: ['gateway', 'rotation'] });
  });

  it('is none when there is none', () => {
    expect(widestOf([])).toBeUndefined();
    expect(widestOf([[]])).toBeUndefined();
  });
});
