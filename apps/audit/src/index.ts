export { AuditModule } from './audit.module.js';
export type { AuditOptions } from './audit.options.js';
