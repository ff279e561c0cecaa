import * as declared from './generated/consumers.js';
import { retryPolicies } from './retry-policy.js';

/** Every consumer of the product by its name. */
export const consumers = { ...declared };

/** No consumer and no type of events lets anything wait longer for its next attempt. */
export const LONGEST_WAIT_MS = Math.max(
  ...Object.values(consumers).flatMap(({ retryDelaysMs }) => retryDelaysMs),
  ...Object.values(retryPolicies).flatMap(({ delaysMs }) => delaysMs),
);
