export { ensureTools, type EnsureToolsOptions, type Tools } from './tools/ensure-tools.js';
export type { OnProgress, ToolName, ToolProgress } from './tools/progress.js';
export { freePort, freePorts, isFree } from './servers/ports.js';
export { isAlive } from './servers/is-alive.js';
export { startServer, type LifeOptions, type RunningServer, type ServerOptions } from './servers/server-process.js';
export { lastLinesOf } from './servers/server-log.js';
export { causeIn, howItEnded, type Cause, type ServerExit } from './servers/why-it-ended.js';
export {
  startKafka,
  type KafkaAddress,
  type KafkaLogin,
  type KafkaOptions,
  type KafkaServer,
} from './servers/kafka.js';
export { createTopics, type TopicSpec } from './servers/topics.js';
export { startZipkin, type ZipkinOptions, type ZipkinServer } from './servers/zipkin.js';
export { startScheduler, type SchedulerOptions, type SchedulerServer } from './servers/scheduler.js';
export { startSentry, type SentryOptions, type SentryServer } from './servers/sentry.js';
export { startDaprd, type DaprdOptions, type DaprdServer } from './servers/daprd.js';
