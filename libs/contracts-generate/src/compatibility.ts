import { isDeepStrictEqual } from 'node:util';
import type { EventRecord } from './event-record.js';
import type { JsonSchema } from './json-schema.js';

/**
 * - `breaking`: events that exist already would no longer pass, or a reader would miss what it was promised. Only a new
 *   version of the type can say it.
 * - `consumers-first`: a reader of the previous release parks such an event as unknown until it is updated. Allowed,
 *   and every consumer must run the release before a producer says it.
 */
export interface SchemaChange {
  readonly level: 'breaking' | 'consumers-first';
  /** Where in the data, such as `actor.kind`; empty for the event itself. */
  readonly path: string;
  readonly message: string;
}

const ANNOTATIONS = new Set(['$schema', '$id', 'title', 'description', 'examples', 'x-topic', 'x-key', 'x-producer']);
const COMPARED = new Set(['type', 'enum', 'anyOf', 'properties', 'required', 'additionalProperties', 'items']);
const LOWER_BOUNDS = new Set(['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']);
const UPPER_BOUNDS = new Set(['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']);
const COORDINATES = { 'x-topic': 'topic', 'x-key': 'key', 'x-producer': 'producer' } as const;

/** Everything that differs between the recorded version of an event and the present one. Empty: nothing that matters. */
export function compareEvents(recorded: EventRecord, present: EventRecord): SchemaChange[] {
  const moved = (Object.keys(COORDINATES) as (keyof typeof COORDINATES)[])
    .filter((keyword) => recorded[keyword] !== present[keyword])
    .map((keyword) =>
      breaking('', `its ${COORDINATES[keyword]} was "${recorded[keyword]}" and is "${present[keyword]}" now`),
    );
  return [...moved, ...compareNodes('', recorded, present)];
}

const breaking = (path: string, message: string): SchemaChange => ({ level: 'breaking', path, message });
const consumersFirst = (path: string, message: string): SchemaChange => ({ level: 'consumers-first', path, message });
const below = (path: string, name: string) => (path === '' ? name : `${path}.${name}`);
const shown = (value: unknown): string => (value === undefined ? 'not set' : JSON.stringify(value));

function compareNodes(path: string, before: JsonSchema, after: JsonSchema): SchemaChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (before.anyOf !== undefined || after.anyOf !== undefined) return compareUnions(path, before, after);
  if (!isDeepStrictEqual(before.type, after.type))
    return [breaking(path, `its type was ${shown(before.type)} and is ${shown(after.type)} now`)];
  return [
    ...compareEnums(path, before.enum, after.enum),
    ...compareProperties(path, before, after),
    ...compareOpenness(path, before.additionalProperties, after.additionalProperties),
    ...compareItems(path, before.items, after.items),
    ...compareLimits(path, before, after),
  ];
}

/** Alternatives have no names to match them by, so each must be found again as it was. */
function compareUnions(path: string, before: JsonSchema, after: JsonSchema): SchemaChange[] {
  const alternatives = (node: JsonSchema) => node.anyOf ?? [node];
  const isIn = (list: readonly unknown[]) => (one: unknown) => list.some((other) => isDeepStrictEqual(one, other));
  if (!alternatives(before).every(isIn(alternatives(after))))
    return [breaking(path, 'one of its alternatives changed or is gone')];
  return alternatives(after).every(isIn(alternatives(before)))
    ? []
    : [consumersFirst(path, 'it has an alternative more')];
}

function compareEnums(path: string, before?: readonly unknown[], after?: readonly unknown[]): SchemaChange[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return [breaking(path, `only ${shown(after)} may stand there now`)];
  if (after === undefined) return [consumersFirst(path, `not only ${shown(before)} may stand there now`)];
  const gone = before.filter((value) => !after.includes(value));
  const added = after.filter((value) => !before.includes(value));
  return [
    ...(gone.length > 0 ? [breaking(path, `${gone.map(shown).join(', ')} may no longer stand there`)] : []),
    ...(added.length > 0 ? [consumersFirst(path, `${added.map(shown).join(', ')} may stand there now`)] : []),
  ];
}

function compareProperties(path: string, before: JsonSchema, after: JsonSchema): SchemaChange[] {
  const [had, has] = [before.properties ?? {}, after.properties ?? {}];
  const [wasRequired, isRequired] = [new Set(before.required), new Set(after.required)];
  return [...new Set([...Object.keys(had), ...Object.keys(has)])].flatMap((name) => {
    const [old, now, place] = [had[name], has[name], below(path, name)];
    if (now === undefined) return [breaking(place, 'it was removed')];
    if (old === undefined)
      return [isRequired.has(name) ? breaking(place, 'it is new and required') : consumersFirst(place, 'it is new')];
    const changes = compareSchemas(place, old, now);
    if (isRequired.has(name) && !wasRequired.has(name)) changes.push(breaking(place, 'it is required now'));
    if (!isRequired.has(name) && wasRequired.has(name)) changes.push(breaking(place, 'it may be absent now'));
    return changes;
  });
}

function compareOpenness(
  path: string,
  before: JsonSchema['additionalProperties'],
  after: JsonSchema['additionalProperties'],
): SchemaChange[] {
  const place = below(path, '*');
  if ((before ?? true) === (after ?? true)) return [];
  if (after === false) return [breaking(place, 'further fields are refused now')];
  if (before === false) return [consumersFirst(place, 'further fields may stand there now')];
  return compareSchemas(place, before ?? true, after ?? true);
}

function compareItems(path: string, before: JsonSchema['items'], after: JsonSchema['items']): SchemaChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  const isList = Array.isArray(before) || Array.isArray(after);
  if (isList || before === undefined || after === undefined) return [breaking(`${path}[]`, 'its items changed')];
  return compareSchemas(`${path}[]`, before, after);
}

function compareSchemas(path: string, before: JsonSchema | boolean, after: JsonSchema | boolean): SchemaChange[] {
  const node = (schema: JsonSchema | boolean): JsonSchema => (typeof schema === 'boolean' ? {} : schema);
  if (before === false || after === false)
    return before === after ? [] : [breaking(path, 'whether it may be there changed')];
  return compareNodes(path, node(before), node(after));
}

/** Bounds, patterns and whatever else a schema may say. What this check does not know, it takes for a breach. */
function compareLimits(path: string, before: JsonSchema, after: JsonSchema): SchemaChange[] {
  const keywords = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keywords
    .filter((keyword) => !ANNOTATIONS.has(keyword) && !COMPARED.has(keyword))
    .filter((keyword) => !isDeepStrictEqual(before[keyword], after[keyword]))
    .map((keyword) => {
      const [old, now] = [before[keyword], after[keyword]];
      const message = `${keyword} was ${shown(old)} and is ${shown(now)} now`;
      const isLooser =
        now === undefined ||
        (LOWER_BOUNDS.has(keyword) && Number(now) < Number(old)) ||
        (UPPER_BOUNDS.has(keyword) && Number(now) > Number(old));
      return isLooser ? consumersFirst(path, message) : breaking(path, message);
    });
}

/** `dsops.a.b.c.v1` → `dsops.a.b.c.v2`: the name under which a breaking change may be said. */
export const nextVersionOf = (type: string): string =>
  type.replace(/\.v(\d+)$/, (_all, version: string) => `.v${Number(version) + 1}`);
