/** What whoever else runs the services on one machine (stack/) has in common with this installation. */
export { databaseFolder } from './data-folder.js';
export { installationFiles } from './installation-files.js';
export { lockHome } from './home-lock.js';
export { createDatabase, DATABASE } from './own-database.js';
export { showSample } from './sample/demonstration.js';
export type { SampleServer } from './sample/world.js';
