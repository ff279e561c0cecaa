import { definedEvents, type EventDefinition } from './define-event.js';
import './rotation/events.js';
import './gateway/events.js';
import './notification/events.js';

/** Every event of the product by its type. */
export const eventRegistry: ReadonlyMap<string, EventDefinition> = definedEvents;
