export { Bell } from './bell.js';
export { Every, type EveryParts } from './every.js';
export { Loop, type BackOff, type LoopParts } from './loop.js';
export { LeftUnderWay, LONGEST_STOP_MS, Stop } from './stop.js';
