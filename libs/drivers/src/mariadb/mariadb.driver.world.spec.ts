import { conformsToDriverContract } from '../kit/conformance.js';
import * as world from './world.js';

conformsToDriverContract('mariadb', world, ['two-accounts', 'dual-password']);
