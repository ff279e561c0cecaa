// Generated from libs/contracts/src/services.ts: node tools/generate.mjs
export { audit } from '@dsops/audit';
export { gateway } from '@dsops/gateway';
export { notification } from '@dsops/notification';
export { rotation } from '@dsops/rotation';
