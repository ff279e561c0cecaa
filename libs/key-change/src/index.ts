export { changeMasterKey, type KeyChange, type KeyChangeOptions, type Progress } from './change-master-key.js';
export { describeOutcome, progressLine } from './words.js';
