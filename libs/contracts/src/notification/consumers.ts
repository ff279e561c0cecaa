import { FEW_RETRIES_MS, type ConsumerDeclaration } from '../consumer-declaration.js';
import * as access from '../gateway/events.js';
import * as rotation from '../rotation/events.js';

export const notification = {
  name: 'notification',
  service: 'notification',
  topics: ['rotation-events', 'access-events'],
  handles: [
    rotation.rotationStarted,
    rotation.rotationCompleted,
    rotation.rotationFailed,
    rotation.rotationCancelled,
    rotation.rotationRolledBack,
    rotation.rotationRollbackFailed,
    rotation.rotationAbandoned,
    rotation.rotationNeedsOperator,
    rotation.rotationEvidenceWanted,
    access.principalCreated,
    access.principalRevoked,
  ],
  retryDelaysMs: FEW_RETRIES_MS,
  deadLetter: 'releases',
  isOrderFree: true,
} as const satisfies ConsumerDeclaration;
