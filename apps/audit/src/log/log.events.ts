import type { Actor } from '@dsops/contracts/principal';
import { eventRegistry } from '@dsops/contracts/event-registry';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import type { SqlExecutor } from '@dsops/database';
import { EventConsumer, HandlesTogether } from '@dsops/messaging';
import { LogService } from './log.service.js';

/** Every event of every topic becomes one entry. */
@EventConsumer('audit')
export class LogEvents {
  constructor(private readonly log: LogService) {}

  @HandlesTogether(...eventRegistry.values())
  async record(events: readonly EventEnvelope<{ actor: Actor }>[], tx: SqlExecutor): Promise<void> {
    await this.log.record(events, tx);
  }
}
