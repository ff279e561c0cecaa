import { conformsToDriverContract } from '../kit/conformance.js';
import * as world from './world.js';

conformsToDriverContract('postgresql', world, ['two-roles']);
