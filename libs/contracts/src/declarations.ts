import { operations } from './api.js';
import { consumers } from './consumers.js';
import type { Declarations } from './declaration-faults.js';
import { eventRegistry } from './event-registry.js';
import * as services from './services.js';

/** All that the services of this product declare. */
export const declarations: Declarations = { services, events: [...eventRegistry.values()], operations, consumers };
