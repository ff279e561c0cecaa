import type { NotificationView } from '@dsops/contracts/notification/api';
import type { WordedNotice } from '../../notice/notice.js';

/** A notification as an inbox shows it; the client words the next steps. */
export type InboxMessage = Pick<NotificationView, 'title' | 'body' | 'nextSteps' | 'place'>;

/** A line for each sentence. */
export const render = ({ words }: WordedNotice): InboxMessage => ({
  title: words.title,
  body: words.sentences.join('\n'),
  nextSteps: [...words.nextSteps],
  place: words.place,
});
