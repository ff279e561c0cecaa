import { z } from 'zod';

interface Shape {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly items?: Shape;
  readonly minItems?: number;
}

const STRINGS: Readonly<Record<string, string>> = {
  'date-time': '2026-11-21T12:00:00.000Z',
  ulid: '01JD0000000000000000000001',
};

/** A value that a schema accepts: every field of it, and as little as possible in each. */
export function exampleOf(schema: z.ZodType): unknown {
  const value = build(z.toJSONSchema(schema, { io: 'output', reused: 'inline' }) as Shape);
  return schema.parse(value);
}

function build(shape: Shape): unknown {
  if (shape.const !== undefined) return shape.const;
  if (shape.enum !== undefined) return shape.enum[0];
  if (shape.examples !== undefined) return shape.examples[0];
  const [alternative] = shape.anyOf ?? shape.oneOf ?? [];
  if (alternative !== undefined) return build(alternative);
  const type = typeof shape.type === 'string' ? shape.type : shape.type?.[0];
  switch (type ?? 'null') {
    case 'object':
      return Object.fromEntries(Object.entries(shape.properties ?? {}).map(([name, field]) => [name, build(field)]));
    case 'array':
      return Array.from({ length: shape.minItems ?? 0 }, () => build(shape.items ?? {}));
    case 'integer':
    case 'number':
      return Math.max(shape.minimum ?? 0, 0);
    case 'boolean':
      return true;
    case 'string':
      return STRINGS[shape.format ?? ''] ?? 'text';
    default:
      return null;
  }
}
