/** The services of dsops, a line each. Everything that has one entry per service follows from here: `pnpm generate`. */
export { audit } from './audit/service.js';
export { gateway } from './gateway/service.js';
export { notification } from './notification/service.js';
export { rotation } from './rotation/service.js';
