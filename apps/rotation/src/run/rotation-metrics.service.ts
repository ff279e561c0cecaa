import { Injectable, Optional } from '@nestjs/common';
import type { EventData } from '@dsops/contracts/define-event';
import {
  rotationCompleted,
  rotationFailed,
  rotationProgressed,
  rotationRollbackFailed,
  rotationRolledBack,
  rotationStarted,
} from '@dsops/contracts/rotation/events';
import { MessagingRuntime, type SaidEvent } from '@dsops/messaging';
import { Metrics } from '@dsops/platform';

const BUCKETS = [1, 5, 10, 30, 60, 120];

/** How a rotation ended, by the event that says so. */
const ENDS: Readonly<Record<string, string>> = {
  [rotationCompleted.type]: 'completed',
  [rotationFailed.type]: 'failed',
  [rotationRolledBack.type]: 'rolled_back',
  [rotationRollbackFailed.type]: 'rollback_failed',
};

type Ended = EventData<typeof rotationCompleted>;
type RolledBack = EventData<typeof rotationRolledBack>;
type Progressed = EventData<typeof rotationProgressed>;

/** The series of rotations, counted from what this process says about them: a figure and its event cannot disagree. */
@Injectable()
export class RotationMetrics {
  constructor(runtime: MessagingRuntime, @Optional() metrics?: Metrics) {
    if (metrics === undefined) return; // nobody hosts it as a server
    const started = metrics.counter('dsops_rotation_started_total', 'Rotations that began');
    const completed = metrics.counter('dsops_rotation_completed_total', 'Rotations that ended, and how', ['status']);
    const duration = metrics.histogram(
      'dsops_rotation_duration_seconds',
      'From the begin of a rotation to its end',
      BUCKETS,
      ['status'],
    );
    const rollbacks = metrics.counter('dsops_rollback_total', 'Rotations that were rolled back', ['type']);
    const verification = metrics.histogram(
      'dsops_verification_duration_seconds',
      'How long the proof of a new value took',
      BUCKETS,
    );
    runtime.onSaid(({ type, data }: SaidEvent) => {
      const status = ENDS[type];
      if (type === rotationStarted.type) started.inc();
      if (type === rotationRolledBack.type) rollbacks.inc({ type: (data as RolledBack).trigger });
      if (type === rotationProgressed.type && (data as Progressed).step === 'probe-new')
        verification.observe((data as Progressed).durationMs / 1_000);
      if (status === undefined) return;
      completed.inc({ status });
      duration.observe({ status }, (data as Ended).durationMs / 1_000);
    });
  }
}
