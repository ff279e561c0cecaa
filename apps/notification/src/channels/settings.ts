import { z } from 'zod';
import { DomainError, Secret, unwrapSecret } from '@dsops/kernel';
import type { Channel } from './channel.js';

/** What a person gave as settings, as JSON has it. */
export type GivenSettings = Readonly<Record<string, unknown>>;

/** Settings apart: what may lie open in the database, and what is sealed. */
export interface SplitSettings {
  readonly open: GivenSettings;
  /** The secret ones as one text; null when there are none. */
  readonly secret: Secret | null;
}

/** A setting that nobody may read again: it is sealed where it is kept, and the channel gets it as a {@link Secret}. */
export const secretText = (text: z.ZodType<string, string> = z.string().min(1)) =>
  text.transform((value) => new Secret(value)).meta({ secret: true });

/** Also below `optional`, `default`, `transform` and the like, which do not take over what is said of what they wrap. */
function isSecret(schema: z.core.$ZodType): boolean {
  if (z.globalRegistry.get(schema)?.secret === true) return true;
  const { innerType, in: read } = schema._zod.def as { innerType?: z.core.$ZodType; in?: z.core.$ZodType };
  return [innerType, read].some((inner) => inner !== undefined && isSecret(inner));
}

const secretNames = ({ settings }: Channel): ReadonlySet<string> =>
  new Set(
    Object.entries<z.core.$ZodType>(settings.shape).flatMap(([name, schema]) => (isSecret(schema) ? [name] : [])),
  );

/**
 * Settings as the channel reads them.
 * @throws DomainError `settings_invalid`, which names what is wrong and repeats no value
 */
export function readSettings(channel: Channel, given: GivenSettings): Record<string, unknown> {
  const read = channel.settings.strict().safeParse(given);
  if (read.success) return read.data;
  const { path = [], message = 'they cannot be read' } = read.error.issues[0] ?? {};
  const takes = Object.keys(channel.settings.shape).join(', ');
  throw new DomainError(
    'settings_invalid',
    'invalid',
    `These settings do not fit the channel ${channel.name}: ${[...path, message].join(' ')}.`,
    {
      path: ['settings', ...path].join('.'),
      remedy: takes === '' ? 'It takes none.' : `It takes: ${takes}.`,
    },
  );
}

/** Takes the secret ones out of what was given. What was given is kept, and not what became of it when it was read. */
export function splitSettings(channel: Channel, given: GivenSettings): SplitSettings {
  const secrets = secretNames(channel);
  const pick = (isWanted: boolean) =>
    Object.fromEntries(Object.entries(given).filter(([name]) => secrets.has(name) === isWanted));
  const secret = pick(true);
  const isEmpty = Object.keys(secret).length === 0;
  return { open: pick(false), secret: isEmpty ? null : new Secret(JSON.stringify(secret)) };
}

/**
 * Puts together what was split, for one attempt.
 * @throws DomainError `settings_invalid` when this release reads settings in another way than the one that kept them
 */
export function joinSettings(channel: Channel, { open, secret }: SplitSettings): Record<string, unknown> {
  const secrets = secret === null ? {} : (JSON.parse(unwrapSecret(secret)) as GivenSettings);
  return readSettings(channel, { ...open, ...secrets });
}
