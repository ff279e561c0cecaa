import { Inject, Injectable } from '@nestjs/common';
import { API_VERSION, OLDEST_CLIENT } from '@dsops/contracts/api';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import type { getSystem } from '@dsops/contracts/gateway/api';
import type { Clock } from '@dsops/kernel';
import { CLOCK } from '@dsops/service';
import { VERSION } from '../version.js';

@Injectable()
export class SystemService {
  readonly version = VERSION;
  private readonly startedAt: Date;

  constructor(@Inject(CLOCK) clock: Clock) {
    this.startedAt = clock.now();
  }

  describe(): ResponseOf<typeof getSystem> {
    return {
      version: this.version,
      apiVersion: API_VERSION,
      oldestClient: OLDEST_CLIENT,
      startedAt: this.startedAt.toISOString(),
    };
  }
}
