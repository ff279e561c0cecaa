import { describe, expect, it } from '@jest/globals';
import { readableLine } from './log-line.js';

describe('a line of a log', () => {
  it.each([
    [
      '{"level":"fatal","message":"service could not start","error":{"name":"E","message":"no such key"}}',
      'fatal: service could not start: no such key',
    ],
    ['{"level":"error","msg":"kafka: broken pipe","app_id":"audit"}', 'error: kafka: broken pipe'],
    ['2026-11-21 WARN something (Kafka)', '2026-11-21 WARN something (Kafka)'],
    ['{"half', '{"half'],
    ['{"level":"info"}', '{"level":"info"}'],
  ])('%s', (line, readable) => {
    expect(readableLine(line)).toBe(readable);
  });
});
