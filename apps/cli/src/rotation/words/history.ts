import type { RotationView } from '@dsops/contracts/rotation/api';
import { table } from '../../output/table.js';
import type { Paint } from '../../output/terminal.js';
import { shortDuration, timestamp } from '../../output/time.js';

const HEADER = ['TIMESTAMP', 'SERVICE', 'TYPE', 'STATUS', 'DURATION', 'ERROR'];

/** The older words for how a rotation ended. Open ones keep the name of their state. */
export const historyStatus = ({ state, error }: Pick<RotationView, 'state' | 'error'>): string => {
  if (error?.code === 'cancelled') return 'cancelled';
  if (state === 'completed') return 'success';
  return state === 'rollback_failed' ? 'failed' : state;
};

const STATUS_WORDS: Readonly<Record<string, string>> = {
  success: '✅ Success',
  failed: '❌ Failed',
  rolled_back: '↩️ Rolled Back',
  cancelled: '○ Cancelled',
  needs_operator: '🟠 Needs Operator',
};

const cut = (text: string): string => (text.length > 50 ? `${text.slice(0, 47)}...` : text);

export function historyTable(paint: Paint, rotations: readonly RotationView[]): string {
  const hasOneEnvironment = new Set(rotations.map((rotation) => rotation.environment)).size <= 1;
  const rows = rotations.map((rotation) => {
    const status = historyStatus(rotation);
    return {
      cells: [
        timestamp(rotation.startedAt),
        hasOneEnvironment ? rotation.service : `${rotation.environment}/${rotation.service}`,
        rotation.credential,
        STATUS_WORDS[status] ?? `🔄 ${status}`,
        shortDuration(rotation.durationMs),
        rotation.error === null ? '' : cut(rotation.error.message),
      ],
    };
  });
  const entries = rotations.length === 1 ? '1 entry' : `${rotations.length} entries`;
  return `${table(paint, HEADER, rows)}\n\n${paint.dim(`Showing ${entries}`)}`;
}

/** The JSON of `history`, with the older keys; what they had no place for is in `metadata`. */
export const historyJson = (rotations: readonly RotationView[]) => ({
  count: rotations.length,
  entries: rotations.map((rotation) => ({
    timestamp: rotation.startedAt,
    service_name: rotation.service,
    credential_type: rotation.credential,
    action: 'rotate',
    status: historyStatus(rotation),
    duration_ms: rotation.durationMs,
    user: rotation.requestedBy.name,
    metadata: {
      rotation_id: rotation.id,
      environment: rotation.environment,
      strategy: rotation.strategy,
      state: rotation.state,
      old_version: rotation.previousVersion,
      new_version: rotation.newVersion,
      reason: rotation.reason,
    },
    ...(rotation.error === null ? {} : { error: rotation.error.message }),
  })),
});
