// Generated from libs/contracts/src/services.ts: node tools/generate.mjs
export * from '../audit/consumers.js';
export * from '../gateway/consumers.js';
export * from '../notification/consumers.js';
