import { conformsToDriverContract } from '../kit/driver-conformance.js';
import { startPostgresqlWorld } from './postgresql-world.fixture.js';

conformsToDriverContract('The PostgreSQL driver', () => startPostgresqlWorld());
