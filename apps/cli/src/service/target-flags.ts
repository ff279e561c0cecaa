import { readFileSync } from 'node:fs';
import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { z } from 'zod';
import { declarationOf, declarations } from '@dsops/contracts/rotation/targets/declarations';
import { flagOf, type Flag, type TargetDeclaration } from '@dsops/contracts/rotation/targets/define-target';
import { DomainError } from '@dsops/kernel';
import { usageError } from '../failure.js';

/** Parts of a declaration whose fields are flags. */
const PARTS = ['target', 'settings', 'check'] as const;
type Part = (typeof PARTS)[number];
/** Where they stand in a request. */
const PATHS: Record<Part, readonly string[]> = {
  target: ['target'],
  settings: ['credential'],
  check: ['credential', 'verification'],
};

interface FieldFlag extends Flag {
  readonly part: Part;
  readonly field: string;
  readonly schema: z.core.$ZodType;
  /** Under which commander keeps it. */
  readonly attribute: string;
  readonly long: string;
}

function flagsOf(declaration: TargetDeclaration): FieldFlag[] {
  return PARTS.flatMap((part) =>
    Object.entries<z.core.$ZodType>(declaration[part].shape).map(([field, schema]) => {
      const flag = flagOf(schema);
      if (flag === undefined) throw new TypeError(`${declaration.kind}: ${part}.${field} has no flag.`);
      const option = new Option(flag.flag);
      return { ...flag, part, field, schema, attribute: option.attributeName(), long: option.long ?? flag.flag };
    }),
  );
}

/** What stands behind defaults and "may be left out". */
function innermost(schema: z.core.$ZodType): z.core.$ZodType {
  const { innerType } = schema._zod.def as { innerType?: z.core.$ZodType };
  return innerType === undefined ? schema : innermost(innerType);
}

/** One name per flag, as it is: names of logins may hold commas. */
const collect = (name: string, before: string[] | undefined): string[] => [...(before ?? []), name];

/** The flags of every kind; one that several kinds have stands once, one that not all have says whose it is. */
export function addTargetFlags(command: CommandUnknownOpts): void {
  const all = new Map<string, { field: FieldFlag; helps: Map<string, string> }>();
  for (const declaration of declarations.values())
    for (const field of flagsOf(declaration)) {
      const known = all.get(field.long) ?? { field, helps: new Map<string, string>() };
      known.helps.set(declaration.kind, field.help);
      all.set(field.long, known);
    }
  for (const { field, helps } of all.values()) {
    const isSame = helps.size === declarations.size && new Set(helps.values()).size === 1;
    const help = isSame ? field.help : [...helps].map(([kind, text]) => `${kind}: ${text}`).join('; ');
    const option = new Option(field.flag, help);
    if (innermost(field.schema) instanceof z.ZodArray) option.argParser(collect);
    command.addOption(option);
  }
}

/** A file of which a request holds the text, such as a certificate. */
function readText(path: string, long: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usageError(
      `The file of ${long} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}).`,
      'Give the path of a file that you may read.',
    );
  }
}

/** Where a target is, what its kind wants to know of the credential, and what verifies a login: as they are sent. */
export interface AskedTarget {
  readonly target: Readonly<Record<string, string | number | boolean>>;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly check: Readonly<Record<string, string | number | boolean>>;
}

/**
 * What the flags say of a target of this kind, checked as the server will check it.
 * @throws DomainError a usage error that names a flag that is missing or not of this kind; `request_invalid` with the path
 */
export function readTarget(kind: string, options: Readonly<Record<string, unknown>>): AskedTarget {
  const declaration = declarationOf(kind);
  const own = flagsOf(declaration);
  for (const other of [...declarations.values()].flatMap(flagsOf))
    if (options[other.attribute] !== undefined && own.every(({ long }) => long !== other.long))
      throw usageError(`A target of type ${kind} has no ${other.long}.`, `See the flags of ${kind} with --help.`);
  const asked: Record<Part, Record<string, unknown>> = { target: {}, settings: {}, check: {} };
  for (const { part, field, attribute, schema, long, isFile } of own) {
    const text = options[attribute];
    if (text === undefined) continue;
    asked[part][field] = isFile
      ? readText(text as string, long)
      : innermost(schema) instanceof z.ZodNumber
        ? Number(text)
        : text;
  }
  for (const part of PARTS) {
    const result = declaration[part].safeParse(asked[part]);
    const [issue] = result.error?.issues ?? [];
    if (issue === undefined) continue;
    const flag = own.find((one) => one.part === part && one.field === String(issue.path[0]));
    if (flag === undefined) throw usageError(issue.message, 'See --help.');
    if (asked[part][flag.field] === undefined)
      throw usageError(`${flag.long} is missing: ${flag.help}.`, 'See --help.');
    const path = [...PATHS[part], ...issue.path.map(String)].join('.');
    throw new DomainError('request_invalid', 'invalid', `${path}: ${issue.message}`, {
      remedy: `Correct ${flag.long}: ${flag.help}.`,
    });
  }
  return asked as unknown as AskedTarget;
}
