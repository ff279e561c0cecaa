import { z } from 'zod';

/**
 * Who uses a credential.
 * - `managed`: all of them check its values out, so dsops knows of each of them until when.
 * - `unmanaged`: somebody may have been given a value by hand, whom dsops does not see.
 */
export const CONSUMERS = ['managed', 'unmanaged'] as const;
export const consumersSchema = z.enum(CONSUMERS);
export type Consumers = z.infer<typeof consumersSchema>;
