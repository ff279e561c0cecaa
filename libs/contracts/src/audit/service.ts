import type { ServiceDeclaration } from '../service-declaration.js';

export const audit = {
  name: 'audit',
  owns: 'the record: every event, chained by hash',
  topics: [],
  files: ['auditHead'],
  seals: false,
  door: 'internal',
} as const satisfies ServiceDeclaration;
