import type { ServiceDeclaration } from '../service-declaration.js';

export const gateway = {
  name: 'gateway',
  owns: 'principals, API keys, the feed behind the event stream; the only public API',
  topics: ['access-events'],
  files: ['adminKey'],
  seals: false,
  door: 'public',
} as const satisfies ServiceDeclaration;
