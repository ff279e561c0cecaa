import { inbox } from './inbox/inbox.channel.js';

/** Every channel of this release, a line each. */
export { inbox };
