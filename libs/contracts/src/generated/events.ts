// Generated from libs/contracts/src/services.ts: node tools/generate.mjs
import '../gateway/events.js';
import '../notification/events.js';
import '../rotation/events.js';
