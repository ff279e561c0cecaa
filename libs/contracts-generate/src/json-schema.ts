import { z } from 'zod';

/** A node of JSON Schema, as far as our definitions use it. Documents are plain JSON. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

type Target = 'draft-2020-12' | 'draft-7';
type Override = (context: { zodSchema: z.core.$ZodTypes; jsonSchema: JsonSchema }) => void;

/** Removes what zod writes down although it says nothing to a reader: bounds of safe integers, the regex of an instant. */
const tidy: Override = ({ zodSchema, jsonSchema }) => {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (zodSchema._zod.def.type === 'record') {
    delete jsonSchema.propertyNames;
    if (Object.keys(Object(jsonSchema.additionalProperties) as object).length === 0)
      jsonSchema.additionalProperties = true;
  }
};

/** A reader of an answer must expect fields that it does not know yet, so answers are open objects. */
const open: Override = (context) => {
  tidy(context);
  if (context.jsonSchema.additionalProperties === false) delete context.jsonSchema.additionalProperties;
};

const withoutDialect = ({ $schema: _dialect, ...schema }: JsonSchema): JsonSchema => schema;

/** What is said and must be said exactly so: the data of an event. */
export const strictSchema = (schema: z.ZodType, target: Target = 'draft-2020-12'): JsonSchema =>
  withoutDialect(z.toJSONSchema(schema, { io: 'output', target, override: tidy }));

/** What a caller may send: fields with a default may be left out. */
export const requestSchema = (schema: z.ZodType): JsonSchema =>
  withoutDialect(z.toJSONSchema(schema, { io: 'input', override: tidy }));

/**
 * Answers that share parts. Each named schema stands once, the others refer to it.
 * @param refTo turns a name into the `$ref` under which the document will hold it
 */
export function responseSchemas(
  schemas: ReadonlyMap<string, z.ZodType>,
  refTo: (name: string) => string,
): Map<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of schemas) registry.add(schema, { id });
  const made = z.toJSONSchema(registry, { io: 'output', override: open, uri: refTo });
  return new Map(Object.entries(made.schemas).map(([name, { $id: _id, ...schema }]) => [name, withoutDialect(schema)]));
}
