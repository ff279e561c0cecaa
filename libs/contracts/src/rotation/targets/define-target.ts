import { z } from 'zod';
import type { Shape } from '../strategies.js';

/** A place at a target that holds one value at a time, and the login under which that value is tried. */
export interface Slot {
  readonly name: string;
  readonly login: string;
}

/** Where a target is. Plain JSON, into which only its kind's declaration and driver look. */
export type TargetAddress = Readonly<Record<string, string | number | boolean | undefined>>;
export const addressSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
/** An address as it is shown: what was not said is not there. */
export const shownAddress = (target: TargetAddress): z.output<typeof addressSchema> =>
  addressSchema.parse(Object.fromEntries(Object.entries(target).filter(([, value]) => value !== undefined)));

/** What a kind has to know of a credential. Plain JSON as above. */
export type CredentialSettings = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
/** What proves a login beyond being let in, as its kind has it. */
export type VerificationCheck = Readonly<Record<string, string | number | boolean>>;

/** What is wrong with a request, and where: a path such as `credential.slots`. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** How people write a field on the command line. */
export interface Flag {
  /** As commander takes it: `--port <port>`. */
  readonly flag: string;
  readonly help: string;
  /** The flag names a file, of which the field holds the text. */
  readonly isFile?: boolean;
}
const flags = z.registry<Flag>();

/** A field with its flag. Its help is the description in OpenAPI and JSON Schema, too. */
export function flagged<S extends z.ZodType>(
  schema: S,
  flag: string,
  help: string,
  { isFile = false }: Pick<Flag, 'isFile'> = {},
): S {
  const described = schema.describe(help);
  flags.add(described, { flag, help, isFile });
  return described;
}
export const flagOf = (schema: z.core.$ZodType): Flag | undefined => flags.get(schema);

/** One kind of target: what can be said about it without talking to it. Its driver stands in libs/drivers. */
export interface TargetDeclaration<
  Kind extends string = string,
  Address extends z.ZodObject = z.ZodObject,
  Settings extends z.ZodObject = z.ZodObject,
  Check extends z.ZodObject = z.ZodObject,
> {
  readonly kind: Kind;
  /** As people write it. */
  readonly title: string;
  /** Where it is; frozen in each version. */
  readonly target: Address;
  /** `login`: a separate login administers it. `none`: the credential changes itself. */
  readonly admin: 'login' | 'none';
  /** Which slots a credential has, and what else its kind has to know of it. They stand in a request's `credential`. */
  readonly settings: Settings;
  /** What a verification looks at; a time-out comes with every kind. */
  readonly check: Check;
  /** In the order of use; at least one. */
  slots(settings: z.output<Settings>): readonly Slot[];
  /** What contradicts itself in these settings, for a credential that is rotated in this shape. */
  faults(settings: z.output<Settings>, shape: Shape): Fault[];
  /** Two addresses with the same text are one server, on which a login is looked after once. */
  server(target: z.output<Address>): string;
  /** The address in a word, such as `db.example.com:5432/payments`. */
  address(target: z.output<Address>): string;
  /** What a person may want to know beside the address and the slots: rows of a label and a text. */
  details(target: z.output<Address>, settings: z.output<Settings>): readonly (readonly [string, string])[];
  /** How to make the target ask for a value where it lets anybody in. */
  readonly letsAnybodyIn: string;
}

export const defineTarget = <
  const Kind extends string,
  Address extends z.ZodObject,
  Settings extends z.ZodObject,
  Check extends z.ZodObject,
>(
  declaration: TargetDeclaration<Kind, Address, Settings, Check>,
): TargetDeclaration<Kind, Address, Settings, Check> => declaration;
