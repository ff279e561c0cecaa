import { z } from 'zod';

/** Who can do something: a person, a program, an API key, the clock of a schedule, and dsops itself. */
export const PRINCIPAL_KINDS = ['user', 'workload', 'api_key', 'schedule', 'system'] as const;
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number];

/** Who did it. Every event carries one, so that the record can name a person or a machine for every change. */
export const actorSchema = z.strictObject({
  kind: z.enum(PRINCIPAL_KINDS),
  id: z.string().min(1),
  name: z.string().min(1),
});
export type Actor = z.infer<typeof actorSchema>;

export const systemActor: Actor = { kind: 'system', id: 'dsops', name: 'dsops' };

/** What a principal may do. Each role includes those before it. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export const roleSchema = z.enum(ROLES);
export type Role = z.infer<typeof roleSchema>;
