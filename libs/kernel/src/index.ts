export {
  DomainError,
  ERROR_KINDS,
  ERROR_SUBJECTS,
  isDomainError,
  type ErrorDetails,
  type ErrorKind,
  type ErrorSubject,
} from './errors.js';
export { isId, newId, versionName } from './ids.js';
export { systemClock, type Clock } from './clock.js';
export { formatDuration, parseDuration } from './duration.js';
export { Secret, unwrapSecret } from './secret.js';
