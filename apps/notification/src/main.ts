import { runService } from '@dsops/service';
import { notification } from './service.js';

process.exitCode = await runService(notification, process.env);
