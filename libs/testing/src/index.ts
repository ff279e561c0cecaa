export { createTestDatabase, testServerUrl, type TestDatabase } from './test-database.js';
export { eventually } from './eventually.js';
export { FakeClock } from './fake-clock.js';
export { startFaultProxy, type Fault, type FaultProxy, type FaultRecord, type Weather } from './fault-proxy.js';
