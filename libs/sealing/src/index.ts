export { createFile, replaceFile } from './durable-file.js';
export { openKeyFile, type KeyFileOptions } from './key-file.js';
export { howToPutBack, KeyFiles, type FoundKeys, type KeptKey } from './key-files.js';
export { MasterKey, newKeyBytes } from './master-key.js';
export { DATABASE_SUPERUSER, databaseRole, serviceToken, sidecarToken, type PasswordPurpose } from './purposes.js';
export { rewrap, Sealer, type SealedPlace, type SealedValue } from './sealing.js';
export { ServiceKey } from './service-key.js';
