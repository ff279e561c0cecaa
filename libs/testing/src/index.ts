export { createTestDatabase, testServerUrl, type TestDatabase } from './test-database.js';
export { eventually } from './eventually.js';
export { statementsIn } from './statements.js';
export { FakeClock } from './fake-clock.js';
export { startFaultProxy, type Fault, type FaultProxy, type FaultRecord, type Weather } from './fault-proxy.js';
export { FakeBroker, type FakeRecord } from './fake-daprd/fake-broker.js';
export { FakeDaprd, type FakeDaprdOptions, type FakeRequest } from './fake-daprd/fake-daprd.js';
export { FakeScheduler } from './fake-daprd/fake-jobs.js';
