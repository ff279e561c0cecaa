export { Drivers, driversWith, makeDriver, makeDrivers } from './drivers.js';
export { setupStatements } from './postgresql/setup-sql.js';
export { scramVerifier } from './postgresql/scram.js';
