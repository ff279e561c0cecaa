export { createFile, replaceFile } from './durable-file.js';
export { openKeyFile, type KeyFileOptions } from './key-file.js';
export { newKeyBytes, SealingKey } from './sealing-key.js';
export { rewrap, seal, unseal, type SealedPlace, type SealedValue } from './sealing.js';
