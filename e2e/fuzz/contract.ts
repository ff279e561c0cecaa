import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

/** A node of JSON Schema, as far as our OpenAPI document uses it. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  /** A secret: it goes in and never comes out. */
  readonly writeOnly?: boolean;
}

export interface Field {
  readonly name: string;
  readonly schema: Schema;
}

/** One operation, as a stranger reads it in the OpenAPI document. */
export interface Endpoint {
  readonly id: string;
  readonly method: string;
  /** Below the server's path, with parameters as `{name}`. */
  readonly path: string;
  readonly role: Role;
  readonly params: readonly Field[];
  readonly query: readonly Field[];
  readonly body: Schema | undefined;
  /** The status of an answer that says yes, and how it is declared. */
  readonly status: number;
  readonly mediaType: string;
}

export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

interface Media {
  readonly schema: Schema;
}
interface Described {
  readonly operationId: string;
  readonly 'x-role': Role;
  readonly parameters?: readonly { readonly name?: string; readonly in?: string; readonly schema?: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
}

const ROOT = 'openapi';
const PROBLEM = `${ROOT}#/components/responses/Problem/content/application~1problem+json/schema`;
const pointer = (part: string): string => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

/** What the document says about a value: undefined when it fits, else the first thing that does not. */
export type Check = (value: unknown) => string | undefined;

/** The OpenAPI document as the only source: what may be asked, and what every answer must look like. */
export class Contract {
  readonly endpoints: readonly Endpoint[];
  private readonly ajv = new Ajv2020({ strict: false, validateSchema: false, validateFormats: true });
  private readonly checks = new Map<string, Check>();

  constructor(document: Document) {
    this.ajv.addFormat('ulid', /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i);
    this.ajv.addFormat('date-time', isInstant);
    this.ajv.addSchema(document, ROOT);
    this.endpoints = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => endpointOf(path, method, described)),
    );
  }

  /** As a stranger gets it: from the server, without a key. */
  static async servedBy(url: string): Promise<Contract> {
    const response = await fetch(`${url}/api/v1/openapi.json`);
    return new Contract((await response.json()) as Document);
  }

  endpoint(id: string): Endpoint | undefined {
    return this.endpoints.find((endpoint) => endpoint.id === id);
  }

  /** The body of an answer that says yes. */
  answerOf({ path, method, status, mediaType }: Endpoint): Check {
    const at = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', mediaType, 'schema'];
    return this.check({ $ref: `${ROOT}#/${at.map(pointer).join('/')}` });
  }

  /** The body of an answer that says no. */
  get problem(): Check {
    return this.check({ $ref: PROBLEM });
  }

  /** One message of the feed. */
  get event(): Check {
    return this.check({ $ref: `${ROOT}#/components/schemas/Event` });
  }

  /** Any schema of a request. */
  check(schema: object): Check {
    const key = JSON.stringify(schema);
    const known = this.checks.get(key);
    if (known !== undefined) return known;
    const made = checkOf(this.ajv.compile(schema));
    this.checks.set(key, made);
    return made;
  }
}

const checkOf =
  (validate: ValidateFunction): Check =>
  (value) => {
    if (validate(value)) return undefined;
    const [first] = validate.errors ?? [];
    return `${first?.instancePath === '' ? 'it' : first?.instancePath} ${first?.message}`;
  };

function endpointOf(path: string, method: string, described: Described): Endpoint {
  const [status = '', answer] = Object.entries(described.responses).find(([code]) => /^2\d\d$/.test(code)) ?? [];
  const fieldsIn = (place: string): Field[] =>
    (described.parameters ?? []).flatMap(({ name, in: at, schema }) =>
      at === place && name !== undefined && schema !== undefined ? [{ name, schema }] : [],
    );
  return {
    id: described.operationId,
    method: method.toUpperCase(),
    path,
    role: described['x-role'],
    params: fieldsIn('path'),
    query: fieldsIn('query'),
    body: described.requestBody?.content['application/json']?.schema,
    status: Number(status),
    mediaType: Object.keys(answer?.content ?? {})[0] ?? '',
  };
}

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** RFC 3339, which `format: date-time` means. */
function isInstant(text: string): boolean {
  const [, year, month, day] = INSTANT.exec(text) ?? [];
  if (year === undefined || Number.isNaN(Date.parse(text))) return false;
  // Date rolls 30 February over to March.
  return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
}
