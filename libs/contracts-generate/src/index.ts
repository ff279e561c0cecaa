import { eventRegistry } from '@dsops/contracts/event-registry';
import { envelopeSchema } from '@dsops/contracts/envelope';
import { apiReferencePage } from './api-reference.js';
import { asyncApiDocument } from './async-api.js';
import { renderCompose } from './dapr-compose.js';
import { renderDapr } from './dapr.js';
import { eventFlowPage } from './event-flow.js';
import { recordOf } from './event-record.js';
import { strictSchema } from './json-schema.js';
import { openApiDocument } from './open-api.js';
import { servicesPage } from './services-page.js';
import { topicList } from './topic-list.js';

export { compareEvents, nextVersionOf, type SchemaChange } from './compatibility.js';
export {
  callersOf,
  databasePasswordOf,
  LOCAL_SECRET_PREFIX,
  PUBSUB,
  SECRET_STORE,
  secretsOf,
  renderDapr,
  type DaprSettings,
  type KafkaAccess,
} from './dapr.js';
export { composeFile } from './compose.js';
export { topicList } from './topic-list.js';
export { recordOf, type EventRecord } from './event-record.js';
export { openApiDocument, type OpenApiDocument } from './open-api.js';

/** Where the record of an event's version lies, from the root of the repository. */
export const EVENT_RECORDS = 'libs/contracts/generated/events';
/** Folders that hold generated files and nothing else: what is there and not generated any more is stale. */
export const GENERATED_FOLDERS = [
  'libs/contracts/generated',
  'docs/generated',
  'dapr/resources',
  'dapr/config',
  'dapr/compose',
] as const;

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Every generated file: its path from the root of the repository, with `/`, and its text. */
export function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const event of eventRegistry.values()) files.set(`${EVENT_RECORDS}/${event.type}.json`, json(recordOf(event)));
  for (const [path, text] of [...renderDapr(), ...renderCompose()]) files.set(`dapr/${path}`, text);
  return files
    .set(
      'libs/contracts/generated/envelope.json',
      json({ title: 'The envelope of an event', ...strictSchema(envelopeSchema) }),
    )
    .set('libs/contracts/generated/topics.json', json(topicList()))
    .set('libs/contracts/generated/asyncapi.json', json(asyncApiDocument()))
    .set('libs/contracts/generated/openapi.json', json(openApiDocument()))
    .set('docs/generated/services.md', servicesPage())
    .set('docs/generated/event-flow.md', eventFlowPage())
    .set('docs/generated/api.md', apiReferencePage());
}
