import {
  rotationCompleted,
  rotationFailed,
  rotationNeedsOperator,
  rotationRollbackFailed,
  rotationRolledBack,
} from '@dsops/contracts/rotation/events';
import type { Published, Transport } from '@dsops/messaging';

const ENDS = new Map<string, string>([
  [rotationCompleted.type, 'completed'],
  [rotationFailed.type, 'failed'],
  [rotationRolledBack.type, 'rolled back'],
  [rotationRollbackFailed.type, 'rollback failed'],
  [rotationNeedsOperator.type, 'needs an operator'],
]);

/** A transport that tells when rotations have ended, as soon as it has taken the event that says so. */
export class WatchedTransport implements Transport {
  private readonly ended = new Map<string, string>();
  private readonly watchers = new Set<() => void>();

  constructor(private readonly transport: Transport) {}

  async publish(batch: readonly Published[]): ReturnType<Transport['publish']> {
    const answer = await this.transport.publish(batch);
    for (const { event } of batch) {
      const end = ENDS.get(event.type);
      const { rotationId } = event.data as { rotationId?: string };
      if (end !== undefined && rotationId !== undefined) this.ended.set(rotationId, end);
    }
    for (const look of this.watchers) look();
    return answer;
  }

  subscribe(...args: Parameters<Transport['subscribe']>): ReturnType<Transport['subscribe']> {
    return this.transport.subscribe(...args);
  }

  /**
   * Resolves when all of them have ended, with how each did.
   * @throws Error when some have not within `mostMs`
   */
  untilEnded(rotationIds: readonly string[], mostMs: number): Promise<ReadonlyMap<string, string>> {
    return new Promise((done, failed) => {
      const open = new Set(rotationIds);
      const end = () => {
        clearTimeout(timer);
        this.watchers.delete(look);
      };
      const look = () => {
        for (const id of open) if (this.ended.has(id)) open.delete(id);
        if (open.size > 0) return;
        end();
        done(new Map(rotationIds.map((id) => [id, this.ended.get(id)!])));
      };
      const timer = setTimeout(() => {
        end();
        failed(new Error(`${open.size} of ${rotationIds.length} rotations have not ended after ${mostMs / 1_000} s.`));
      }, mostMs);
      this.watchers.add(look);
      look();
    });
  }
}
