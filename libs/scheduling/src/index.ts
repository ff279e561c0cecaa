export type { Appointment, WakeUps } from './wake-ups.js';
export { GraphileWakeUps, type GraphileWakeUpsOptions } from './graphile-wake-ups.service.js';
export { DaprWakeUps, type DaprWakeUpsOptions } from './dapr-wake-ups.service.js';
export { DaprWakeUpsModule } from './dapr-wake-ups.module.js';
