import { z } from 'zod';
import { consumersSchema, type Consumers } from './consumer-kinds.js';
import { strategySchema, type Strategy } from './strategies.js';
import { declarations, type TargetKind } from './targets/declarations.js';
import type { CredentialSettings, TargetAddress, TargetDeclaration } from './targets/define-target.js';

/** Names of services, environments and credentials: what people type, so no surprises. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'letters, digits, . _ - and at most 63 of them');

const loginSchema = z.strictObject({
  username: z.string().min(1).max(255),
  password: z.string().min(1).max(1024).meta({ writeOnly: true }),
});
export interface AskedLogin {
  readonly username: string;
  readonly password: string;
}

/** What every kind's credential has. The settings of its kind stand beside these. */
const credentialFields = {
  name: nameSchema.default('login'),
  strategy: strategySchema,
  /** Do all who use it check its values out? */
  consumers: consumersSchema.default('unmanaged'),
  /** How long the old value stays valid after the new one was published. Without it: as the strategy has it for such consumers. */
  gracePeriod: z.string().optional(),
  /** How long a person's word that nobody uses the old value is waited for before it is asked for again. */
  maxGrace: z.string().default('7d'),
  /** A standing answer: the old value may end when no look has seen anybody with it for so long. */
  retire: z.strictObject({ whenQuietFor: z.string().optional() }).default({}),
  rollback: z.strictObject({ automatic: z.boolean().default(true) }).default({ automatic: true }),
};
const COMMON = new Set([...Object.keys(credentialFields), 'verification']);

function verificationOf({ check }: TargetDeclaration) {
  const schema = z.strictObject({ ...check.shape, timeout: z.string().default('30s') });
  return schema.prefault({});
}

function requestOf(kind: TargetDeclaration) {
  return z.strictObject({
    name: nameSchema,
    environment: nameSchema,
    type: z.literal(kind.kind),
    target: kind.target,
    /** The login that administers the target. It is never rotated by the rotations that it administers. */
    ...(kind.admin === 'login' && { admin: loginSchema }),
    credential: z.strictObject({
      ...credentialFields,
      ...kind.settings.shape,
      verification: verificationOf(kind),
    }),
    /** Present: the login in use is taken over as CURRENT after it was tried, and is not changed. */
    current: loginSchema.optional(),
  });
}

/** A request as its kind's declaration has read it. */
export interface AddService {
  readonly name: string;
  readonly environment: string;
  readonly type: TargetKind;
  readonly target: TargetAddress;
  readonly admin?: AskedLogin | undefined;
  readonly credential: Readonly<Record<string, unknown>> & {
    readonly name: string;
    readonly strategy: Strategy;
    readonly consumers: Consumers;
    readonly gracePeriod?: string | undefined;
    readonly maxGrace: string;
    readonly retire: { readonly whenQuietFor?: string | undefined };
    readonly rollback: { readonly automatic: boolean };
    readonly verification: Readonly<Record<string, string | number | boolean>> & { readonly timeout: string };
  };
  readonly current?: AskedLogin | undefined;
}

/** As it is sent: what has a default may be left out. */
export interface AddServiceRequest extends Pick<AddService, 'name' | 'environment' | 'type' | 'admin' | 'current'> {
  readonly target: TargetAddress;
  readonly credential: Readonly<Record<string, unknown>> & {
    readonly name?: string;
    readonly strategy: Strategy;
    readonly consumers?: Consumers;
    readonly gracePeriod?: string | undefined;
    readonly maxGrace?: string;
    readonly retire?: { readonly whenQuietFor?: string | undefined };
    readonly rollback?: { readonly automatic?: boolean };
    readonly verification?: Readonly<Record<string, string | number | boolean>>;
  };
}

const [first, ...others] = [...declarations.values()].map(requestOf);
if (first === undefined) throw new TypeError('No kind of target is declared.');

/** A service of any kind; `type` says which. */
export const addServiceSchema = z.discriminatedUnion('type', [first, ...others], {
  error: `must be one of: ${[...declarations.keys()].join(', ')}`,
}) as unknown as z.ZodType<AddService, AddServiceRequest>;

/** The settings of its kind alone. */
export const settingsIn = (credential: AddService['credential']): CredentialSettings =>
  Object.fromEntries(Object.entries(credential).filter(([key]) => !COMMON.has(key))) as CredentialSettings;
