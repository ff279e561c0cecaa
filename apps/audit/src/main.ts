import { runService } from '@dsops/service';
import { audit } from './service.js';

process.exitCode = await runService(audit, process.env);
