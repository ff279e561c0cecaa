import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { declarations } from '@dsops/contracts/rotation/targets/declarations';
import { operations } from '@dsops/contracts/api';
import { isKeyed, METHODS } from '@dsops/contracts/define-operation';
import { eventRegistry } from '@dsops/contracts/event-registry';
import { asyncApiDocument } from './async-api.js';
import { eventFlowPage } from './event-flow.js';
import { openApiDocument } from './open-api.js';
import { topicList } from './topic-list.js';

const events = [...eventRegistry.values()];
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Every `$ref` inside, so that none leads nowhere. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    name === '$ref' && typeof part === 'string' ? [part] : referencesIn(part),
  );
}

function follow(document: unknown, reference: string): unknown {
  const steps = reference
    .slice(2)
    .split('/')
    .map((step) => step.replaceAll('~1', '/'));
  return steps.reduce<unknown>((part, step) => (part as Record<string, unknown> | undefined)?.[step], document);
}

describe('the OpenAPI document', () => {
  const document = openApiDocument();

  it('is OpenAPI 3.1', async () => {
    const result = await new Validator().validate(plain(document) as unknown as Record<string, unknown>);
    expect(result).toMatchObject({ valid: true });
  });

  it('refers to nothing that is not there', () => {
    const lost = referencesIn(document).filter((reference) => follow(document, reference) === undefined);
    expect(lost).toEqual([]);
  });

  it('holds every operation of the table, under the same name', () => {
    const listed = Object.values(document.paths).flatMap((path) => Object.values(path) as { operationId: string }[]);
    expect(listed.map((operation) => operation.operationId).sort()).toEqual(
      [...operations.map((operation) => operation.id), 'streamEvents'].sort(),
    );
  });

  it('asks for an Idempotency-Key on what a second request would do a second time, and on nothing else', () => {
    for (const operations of Object.values(document.paths))
      for (const [method, operation] of Object.entries(operations))
        expect(referencesIn(operation).includes('#/components/parameters/IdempotencyKey')).toBe(
          METHODS.some((one) => one.toLowerCase() === method && isKeyed(one)),
        );
  });

  it('lets a caller leave out what has a default, and promises it in answers', () => {
    const body = '#/paths/~1services/post/requestBody/content/application~1json/schema';
    expect(follow(document, `${body}/oneOf/0/properties/target`)).toMatchObject({ required: ['host', 'database'] });
    expect(follow(document, '#/components/schemas/ServiceView')).toMatchObject({
      required: expect.arrayContaining(['target', 'credential', 'adminUsername']),
    });
  });

  it('describes a request for each kind of target', () => {
    const body = '#/paths/~1services/post/requestBody/content/application~1json/schema/oneOf';
    const kinds = (follow(document, body) as object[]).map((member) => follow(member, '#/properties/type'));
    expect(kinds).toEqual([...declarations.keys()].map((kind) => expect.objectContaining({ const: kind })));
  });

  it('answers with problem+json whenever something was not done', () => {
    for (const operations of Object.values(document.paths))
      for (const operation of Object.values(operations))
        expect(operation).toMatchObject({
          responses: { '4XX': { $ref: '#/components/responses/Problem' }, '5XX': expect.anything() },
        });
  });
});

describe('the AsyncAPI document', () => {
  const document = asyncApiDocument();
  const path = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json');
  const specification = JSON.parse(readFileSync(path, 'utf8')) as object;

  it('is AsyncAPI 3.0', () => {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    const isValid = ajv.validate(specification, plain(document));
    expect(ajv.errors ?? []).toEqual([]);
    expect(isValid).toBe(true);
  });

  it('refers to nothing that is not there', () => {
    const lost = referencesIn(document).filter((reference) => follow(document, reference) === undefined);
    expect(lost).toEqual([]);
  });

  it.each(events.map((event) => event.type))('shows an example of %s that its own schema accepts', (type) => {
    const ajv = new Ajv({ strict: false, formats: { ulid: true } });
    formats.default(ajv);
    ajv.addSchema({ ...plain(document), $id: 'urn:dsops:asyncapi' });
    const check = ajv.getSchema(`urn:dsops:asyncapi#/components/messages/${type}/payload`);
    const shown = follow(document, `#/components/messages/${type}`) as { examples: { payload: object }[] };
    expect(shown.examples.map(({ payload }) => check?.(payload))).toEqual([true]);
    expect(check?.({ ...shown.examples[0]?.payload, type: 'dsops.another.thing.happened.v1' })).toBe(false);
  });
});

describe('the flow of events', () => {
  it('gives each type to one topic', () =>
    expect(
      topicList()
        .flatMap(({ types }) => types)
        .sort(),
    ).toEqual(events.map((event) => event.type).sort()));

  it('names every type and every consumer on its page', () => {
    const page = eventFlowPage();
    for (const text of [...events.map((event) => `\`${event.type}\``), ...topicList().flatMap((t) => t.consumers)])
      expect(page).toContain(text);
  });
});
