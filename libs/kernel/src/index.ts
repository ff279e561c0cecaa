export { DomainError, ERROR_KINDS, isDomainError, type ErrorDetails, type ErrorKind } from './errors.js';
export { isId, newId, versionName } from './ids.js';
export { systemClock, type Clock } from './clock.js';
export { formatDuration, parseDuration } from './duration.js';
export { Secret, unwrapSecret } from './secret.js';
export { homePaths, type HomePaths, type Surroundings } from './home.js';
