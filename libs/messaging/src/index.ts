export type { Delivery, DeliveryAnswer, Published, Subscription, Transport } from './transport.js';
export type { EventToEmit, Unit, UnitOfWork } from './unit-of-work.js';
export { Handles, handlersOf, type EventHandler } from './handles.js';
