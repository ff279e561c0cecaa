import { FEW_RETRIES_MS, type ConsumerDeclaration } from '../consumer-declaration.js';
import { eventRegistry } from '../event-registry.js';
import { TOPICS } from '../topics.js';

export const audit = {
  name: 'audit',
  service: 'audit',
  topics: TOPICS,
  handles: [...eventRegistry.values()],
  retryDelaysMs: FEW_RETRIES_MS,
  deadLetter: 'blocks',
  isOrderFree: false,
} as const satisfies ConsumerDeclaration;
