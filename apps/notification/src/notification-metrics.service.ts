import { Injectable, Optional } from '@nestjs/common';
import { inboxDelivered } from '@dsops/contracts/notification/events';
import { MessagingRuntime } from '@dsops/messaging';
import { Metrics } from '@dsops/platform';

/** The series of notifications, counted from what this process has committed about them. */
@Injectable()
export class NotificationMetrics {
  private readonly told;

  constructor(runtime: MessagingRuntime, @Optional() metrics?: Metrics) {
    this.told = metrics?.counter('dsops_notifications_total', 'Notifications, by channel and what became of them', [
      'channel',
      'outcome',
    ]);
    runtime.onSaid(({ type }) => {
      if (type === inboxDelivered.type) this.ended('inbox', 'delivered');
    });
  }

  ended(channel: string, outcome: string): void {
    this.told?.inc({ channel, outcome });
  }
}
