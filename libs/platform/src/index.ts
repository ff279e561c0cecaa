export { requireSidecarVersion } from './sidecar-version.js';
export { CalledBy, CALLER_HEADER, callerSchema, encodeCaller, includesRole, type Caller } from './principal.js';
export { currentContext, inContext, isTraceparent, newTraceparent, traceIdOf, type WorkContext } from './context.js';
export {
  collectSpans,
  inSpan,
  openSpan,
  startTelemetry,
  type OpenSpan,
  type SpanToMake,
  type TelemetryOptions,
} from './telemetry.js';
export { LogFile } from './log-file.js';
export { createLogger, logIsAt, logPlace, nestLogger, type Logger } from './logging.js';
export { cursorOf, type PageCursor, type Page } from './page.js';
export { problemOf, ProblemFilter } from './problem.js';
export { faultsOf, Input, parseInput, routeOf, Serves, type InputOf } from './operation.js';
export {
  callOperation,
  HttpInvoker,
  INVOKER,
  TOKEN_HEADER,
  type Answer,
  type Invocation,
  type Invoker,
} from './invoker.js';
export { DaprInvoker } from './dapr-invoker.js';
export {
  oneLine,
  refusesToken,
  tryParseJson,
  Sidecar,
  sidecarFault,
  type SidecarAnswer,
  type SidecarOptions,
  type SidecarRequest,
} from './dapr-sidecar.js';
export { startServiceApp, type ServiceApp, type ServiceAppOptions } from './service-app.js';
export { Metrics, MetricsModule, startMetricsServer, type MetricsServer } from './metrics.js';
export { HealthChecks, HealthModule, Trouble, type Dependency, type HealthFinding } from './health.js';
