import { runService } from '@dsops/service';
import { gateway } from './service.js';

process.exitCode = await runService(gateway, process.env);
