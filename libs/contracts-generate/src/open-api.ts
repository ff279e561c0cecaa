import { z } from 'zod';
import { API_VERSION, CLIENT_HEADER } from '@dsops/contracts/api';
import { isKeyed, type Operation } from '@dsops/contracts/define-operation';
import { envelopeSchema } from '@dsops/contracts/envelope';
import { problemSchema } from '@dsops/contracts/problem';
import * as audit from '@dsops/contracts/audit/api';
import * as gateway from '@dsops/contracts/gateway/api';
import * as notification from '@dsops/contracts/notification/api';
import * as rotation from '@dsops/contracts/rotation/api';
import * as states from '@dsops/contracts/rotation/states';
import { requestSchema, responseSchemas, type JsonSchema } from './json-schema.js';
import { eventStream } from './event-stream.js';
import { operationsInOrder } from './operation-order.js';

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: Readonly<Record<string, unknown>>;
  readonly servers: readonly { readonly url: string }[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: Readonly<Record<string, unknown>>;
}

const refTo = (name: string) => `#/components/schemas/${name}`;
const parameterRef = (name: string) => ({ $ref: `#/components/parameters/${name}` });
const anonymous = (operation: Operation) => `answer of ${operation.id}`;

/** `rotationViewSchema` → `RotationView`. The exported schemas are the words of the API, so they get names in it. */
function namedSchemas(): Map<string, z.ZodType> {
  const named = new Map<string, z.ZodType>([
    ['Problem', problemSchema],
    ['Event', envelopeSchema],
  ]);
  for (const [name, value] of [states, rotation, notification, audit, gateway].flatMap(Object.entries))
    if (value instanceof z.ZodType && name.endsWith('Schema'))
      named.set(name.charAt(0).toUpperCase() + name.slice(1, -'Schema'.length), value);
  return named;
}

/** The named schemas that the document refers to, directly or through others, and the event, which the feed's text names. */
function reachable(schemas: ReadonlyMap<string, JsonSchema>, from: readonly unknown[]): Record<string, JsonSchema> {
  const kept = new Set(['Event']);
  const visit = (part: unknown): void => {
    const text = JSON.stringify(part);
    for (const [name, schema] of schemas) {
      if (kept.has(name) || !text.includes(JSON.stringify(refTo(name)))) continue;
      kept.add(name);
      visit(schema);
    }
  };
  from.forEach(visit);
  return Object.fromEntries([...schemas].filter(([name]) => kept.has(name)));
}

/** Query and path parameters of an operation, one per field of their schema. */
function parametersIn(place: 'path' | 'query', schema: z.ZodObject | undefined): unknown[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = requestSchema(schema);
  return Object.entries(properties).map(([name, field]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: field,
  }));
}

function describeOperation(operation: Operation, answer: JsonSchema): Record<string, unknown> {
  return {
    operationId: operation.id,
    summary: operation.summary,
    tags: [operation.tag],
    'x-service': operation.service,
    'x-role': operation.role,
    description: `Needs the role \`${operation.role}\` or a higher one.`,
    parameters: [
      ...parametersIn('path', operation.params),
      ...parametersIn('query', operation.query),
      ...(isKeyed(operation.method) ? [parameterRef('IdempotencyKey')] : []),
      parameterRef('Client'),
    ],
    ...(operation.body && {
      requestBody: { required: true, content: { 'application/json': { schema: requestSchema(operation.body) } } },
    }),
    responses: {
      [operation.status]: { description: operation.summary, content: { 'application/json': { schema: answer } } },
      ...problems,
    },
  };
}

const problem = { $ref: '#/components/responses/Problem' };
const problems = { '4XX': problem, '5XX': problem };

const sharedComponents = {
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer', description: 'An API key. `createApiKey` makes one.' },
  },
  parameters: {
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description:
        'Names this one intended change, such as a new ULID. The same key with the same request gets the same answer and changes nothing more; with another request it is refused. Without a key a repeated request is a new one.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
    Client: {
      name: CLIENT_HEADER,
      in: 'header',
      required: false,
      description: 'Name and version of the client, such as `cli/0.1.0`. One that is too old is told so.',
      schema: { type: 'string' },
    },
  },
  responses: {
    Problem: {
      description: 'It was not done. `detail` says what happened and `remedy` what to do (RFC 9457).',
      content: { 'application/problem+json': { schema: { $ref: refTo('Problem') } } },
    },
  },
};

/**
 * OpenAPI 3.1 of the public API, from the table of operations. The gateway serves it at `/api/v1/openapi.json`.
 * A new object at each call; building it takes some milliseconds.
 */
export function openApiDocument(): OpenApiDocument {
  const operations = operationsInOrder();
  const schemas = namedSchemas();
  const nameOf = new Map([...schemas].map(([name, schema]) => [schema, name]));
  for (const operation of operations)
    if (!nameOf.has(operation.response)) schemas.set(anonymous(operation), operation.response);
  const made = responseSchemas(schemas, refTo);

  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const name = nameOf.get(operation.response);
    const answer = name === undefined ? made.get(anonymous(operation)) : { $ref: refTo(name) };
    if (answer === undefined) throw new TypeError(`${operation.id} has no answer`);
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method.toLowerCase()]: describeOperation(operation, answer),
    };
  }
  paths[eventStream.path] = { get: { ...eventStream.operation, responses: { ...eventStream.responses, ...problems } } };

  return {
    openapi: '3.1.0',
    info: {
      title: 'dsops',
      version: String(API_VERSION),
      description:
        'Rotates credentials, proves each step, and keeps the record. Lists are pages: give `next` back as `cursor`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: `/api/v${API_VERSION}` }],
    security: [{ bearer: [] }],
    tags: [...new Set([...operations.map((operation) => operation.tag), eventStream.tag])].map((name) => ({ name })),
    paths,
    components: { ...sharedComponents, schemas: reachable(made, [paths, sharedComponents]) },
  };
}
