import { API_VERSION } from '@dsops/contracts/api';
import { isKeyed, METHODS, type Operation } from '@dsops/contracts/define-operation';
import { requestSchema } from './json-schema.js';
import { eventStream } from './event-stream.js';
import { operationsInOrder } from './operation-order.js';

const row = (...cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

function fields(operation: Operation): string {
  const schema = operation.body ?? operation.query;
  if (schema === undefined) return '';
  const whole = requestSchema(schema);
  // Of a union, whatever one of its members has; required is what all of them want.
  const members = whole.oneOf ?? whole.anyOf ?? [whole];
  const names = new Set(members.flatMap(({ properties = {} }) => Object.keys(properties)));
  const isRequired = (name: string) => members.every(({ required = [] }) => required.includes(name));
  return [...names].map((name) => `\`${name}${isRequired(name) ? '' : '?'}\``).join(' ');
}

const section = (tag: string, operations: readonly Operation[]): string =>
  [
    `## ${tag}`,
    '',
    row('call', 'what it does', 'fields', 'least role', 'answers'),
    row('---', '---', '---', '---', '---'),
    ...operations
      .filter((operation) => operation.tag === tag)
      .map((operation) =>
        row(
          `\`${operation.method} ${operation.path}\``,
          operation.summary,
          fields(operation),
          operation.role,
          String(operation.status),
        ),
      ),
  ].join('\n');

/** The page that lists the calls of the public API. The whole of each is in the OpenAPI document. */
export function apiReferencePage(): string {
  const operations = operationsInOrder();
  return (
    [
      '# The API',
      'Generated from `libs/contracts` by `node tools/generate.mjs`; do not edit it.',
      `All paths are below \`/api/v${API_VERSION}\`. A request carries \`Authorization: Bearer <API key>\`, and a ${METHODS.filter(isKeyed).join(' or ')} that may be sent twice an \`Idempotency-Key\`. What went wrong comes as \`application/problem+json\` with \`detail\`, \`code\` and \`remedy\`. The running gateway serves the whole as \`/api/v${API_VERSION}/openapi.json\`; the same document is in [openapi.json](../../libs/contracts/generated/openapi.json).`,
      'Fields are those of the body, or of the query where there is no body; `?` marks what may be left out.',
      ...[...new Set(operations.map((operation) => operation.tag))].map((tag) => section(tag, operations)),
      `## ${eventStream.tag}`,
      `\`GET ${eventStream.path}\`: ${eventStream.operation.summary.toLowerCase()}. ${eventStream.operation.description}`,
    ].join('\n\n') + '\n'
  );
}
