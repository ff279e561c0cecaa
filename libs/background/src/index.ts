export { Bell } from './bell.js';
export { DueRows, type DueTable, type Held, type Wait } from './due-rows.js';
export { DueWorker, type DueWorkerParts } from './due-worker.js';
export { Every, type EveryParts } from './every.js';
export { hasCome } from './has-come.js';
export { Loop, type BackOff, type LoopParts } from './loop.js';
export { LeftUnderWay, LONGEST_STOP_MS, Stop } from './stop.js';
