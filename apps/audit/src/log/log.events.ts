import { eventRegistry, type Actor, type EventEnvelope } from '@dsops/contracts';
import { EventConsumer, Handles, type Unit } from '@dsops/messaging';
import { LogService } from './log.service.js';

/** Every event of every topic becomes one entry. */
@EventConsumer('audit')
export class LogEvents {
  constructor(private readonly log: LogService) {}

  @Handles(...eventRegistry.values())
  async record(event: EventEnvelope<{ actor: Actor }>, { tx }: Unit): Promise<void> {
    await this.log.record(event, tx);
  }
}
