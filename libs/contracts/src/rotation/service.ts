import type { ServiceDeclaration } from '../service-declaration.js';

export const rotation = {
  name: 'rotation',
  owns: 'services, credentials, versions, sealed values, rotations, check-outs',
  topics: ['rotation-events'],
  files: ['mark'],
  seals: true,
  door: 'internal',
} as const satisfies ServiceDeclaration;
