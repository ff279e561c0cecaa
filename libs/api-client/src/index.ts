export { ApiClient, type ApiClientOptions, type CallOptions } from './api-client.js';
export { type EventStreamItem, type EventStreamOptions } from './event-stream.js';
export { apiKey, isPassing, type Reply } from './exchange.js';
export { type ItemOf, type ListOf, type PagedOperation } from './pages.js';
export { wordFault } from './request.js';
