import type { ServiceDeclaration } from '../service-declaration.js';

export const notification = {
  name: 'notification',
  owns: 'destinations, inboxes, and a ledger with the end of every delivery',
  topics: ['notification-events'],
  files: [],
  seals: true,
  door: 'internal',
} as const satisfies ServiceDeclaration;
