export type { Appointment, WakeUps } from './wake-ups.js';
export { GraphileWakeUps, type GraphileWakeUpsOptions } from './graphile-wake-ups.service.js';
