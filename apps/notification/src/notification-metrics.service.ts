import { Injectable, Optional } from '@nestjs/common';
import { inboxDelivered } from '@dsops/contracts/notification/events';
import { MessagingRuntime } from '@dsops/messaging';
import { Metrics } from '@dsops/platform';

/** The series of notifications, counted from what this process says about them. */
@Injectable()
export class NotificationMetrics {
  constructor(runtime: MessagingRuntime, @Optional() metrics?: Metrics) {
    const told = metrics?.counter('dsops_notifications_total', 'Notifications, by channel and what became of them', [
      'channel',
      'outcome',
    ]);
    runtime.onSaid(({ type }) => {
      if (type === inboxDelivered.type) told?.inc({ channel: 'inbox', outcome: 'delivered' });
    });
  }
}
