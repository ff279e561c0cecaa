import { FEW_RETRIES_MS, type ConsumerDeclaration } from '../consumer-declaration.js';
import { eventRegistry } from '../event-registry.js';
import { TOPICS } from '../topics.js';

/** What the event stream shows. */
export const feed = {
  name: 'feed',
  service: 'gateway',
  topics: TOPICS,
  handles: [...eventRegistry.values()],
  retryDelaysMs: FEW_RETRIES_MS,
  deadLetter: 'releases',
  isOrderFree: true,
} as const satisfies ConsumerDeclaration;
