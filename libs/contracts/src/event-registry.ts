import { definedEvents, type EventDefinition } from './define-event.js';
import './generated/events.js';

/** Every event of the product by its type. */
export const eventRegistry: ReadonlyMap<string, EventDefinition> = definedEvents;
