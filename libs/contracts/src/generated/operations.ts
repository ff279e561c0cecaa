// Generated from libs/contracts/src/services.ts: node tools/generate.mjs
export * as audit from '../audit/api.js';
export * as gateway from '../gateway/api.js';
export * as notification from '../notification/api.js';
export * as rotation from '../rotation/api.js';
