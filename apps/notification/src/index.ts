export { LedgerService } from './ledger/ledger.service.js';
export type { Balance } from './ledger/ledger.js';
export { notification } from './service.js';
