import { runService } from '@dsops/service';
import { rotation } from './service.js';

process.exitCode = await runService(rotation, process.env);
