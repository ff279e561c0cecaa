export { NotificationModule } from './notification.module.js';
export type { NotificationOptions } from './notification.options.js';
export { LedgerService } from './ledger/ledger.service.js';
export type { Balance } from './ledger/ledger.repository.js';
