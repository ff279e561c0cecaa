import fc from 'fast-check';
import type { Endpoint, Field, Schema } from './contract.js';
import { Known, type Body, type Draft, type Part, type Who } from './draft.js';
import { kindOf } from './knowledge.js';
import { spoil, type Spoiling } from './spoil.js';
import { validValue } from './values.js';

/** Bodies that get further than those that a schema alone makes: by the operation's id. */
export type Templates = Readonly<Record<string, readonly unknown[]>>;

export interface Making {
  readonly templates: Templates;
  readonly spoilings: fc.Arbitrary<readonly Spoiling[]>;
}

/** Requests for one operation: some as the contract allows them, some with one or two things wrong. */
export function draftsOf(endpoint: Endpoint, { templates, spoilings }: Making): fc.Arbitrary<Draft> {
  return fc
    .record({
      params: paramsOf(endpoint.params),
      query: queryOf(endpoint.query),
      body: bodyOf(endpoint, templates[endpoint.id] ?? []),
      who: whoFor(endpoint),
      headers: fc.constant([] as readonly (readonly [string, string])[]),
      spoilings,
    })
    .map(({ spoilings: wanted, ...made }) => {
      const draft: Draft = {
        endpoint,
        method: endpoint.method,
        path: endpoint.path,
        ...made,
        contentType: made.body.kind === 'none' ? undefined : 'application/json',
        spoiled: [],
      };
      return wanted.reduce(spoil, draft);
    });
}

/** A value as it stands in a path or a query: mostly one that is there, when there can be one. */
function partOf({ name, schema }: Field): fc.Arbitrary<Part> {
  const made = validValue(schema.type === 'string' ? { minLength: 1, ...schema } : schema).map(String);
  const kind = kindOf(name);
  if (kind === undefined) return made;
  const known = fc.tuple(fc.nat(1000), made).map(([choice, otherwise]) => new Known(kind, choice, otherwise));
  return fc.oneof({ weight: 4, arbitrary: known }, { weight: 1, arbitrary: made });
}

/** Mostly something that is there as a whole: the names in a path belong together. */
function paramsOf(fields: readonly Field[]): fc.Arbitrary<Readonly<Record<string, Part>>> {
  const apart = fc.record(Object.fromEntries(fields.map((field) => [field.name, partOf(field)])));
  const together = fc.tuple(apart, fc.nat(1000)).map(([parts, choice]) =>
    Object.fromEntries(
      Object.entries(parts).map(([name, part]) => {
        const kind = kindOf(name);
        return [
          name,
          kind === undefined ? part : new Known(kind, choice, part instanceof Known ? part.otherwise : part),
        ];
      }),
    ),
  );
  return fc.oneof({ weight: 3, arbitrary: together }, { weight: 1, arbitrary: apart });
}

function queryOf(fields: readonly Field[]): fc.Arbitrary<readonly (readonly [string, Part])[]> {
  const each = fields.map((field) =>
    fc.option(
      partOf(field).map((part) => [[field.name, part]] as const),
      { nil: [] as const, freq: 2 },
    ),
  );
  return fc.tuple(...each).map((found) => found.flat());
}

function bodyOf({ body }: Endpoint, templates: readonly unknown[]): fc.Arbitrary<Body> {
  if (body === undefined) return fc.constant({ kind: 'none' });
  const fromSchema = withKnown(body).map((value) => ({ kind: 'json', value }) as const);
  if (templates.length === 0) return fromSchema;
  const real = fc.constantFrom(...templates).map((value) => ({ kind: 'json', value }) as const);
  return fc.oneof({ weight: 2, arbitrary: real }, { weight: 1, arbitrary: fromSchema });
}

/** A valid body whose fields name things that are there, half of the time. */
function withKnown(schema: Schema): fc.Arbitrary<unknown> {
  const kinds = Object.keys(schema.properties ?? {}).flatMap((name) => {
    const kind = kindOf(name);
    return kind === undefined ? [] : [[name, kind] as const];
  });
  return fc.tuple(validValue(schema), fc.nat(1000), fc.boolean()).map(([value, choice, isKnown]) => {
    const body = value as Record<string, unknown>;
    if (!isKnown) return body;
    const known = kinds.flatMap(([name, kind]) =>
      typeof body[name] === 'string' ? [[name, new Known(kind, choice, body[name])]] : [],
    );
    return { ...body, ...(Object.fromEntries(known) as Record<string, unknown>) };
  });
}

/** Mostly somebody who may. */
function whoFor({ role }: Endpoint): fc.Arbitrary<Who> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant<Who>(role) },
    { weight: 4, arbitrary: fc.constant<Who>('admin') },
    { weight: 3, arbitrary: fc.constantFrom<Who>('viewer', 'operator', 'nobody', 'stranger') },
  );
}
