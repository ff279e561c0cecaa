import { z } from 'zod';
import type { Shape } from '../strategies.js';
import { flagged } from './define-target.js';

/**
 * Fields that several kinds have, so that people find the same flag with the same meaning. What is refused is never
 * repeated: a URL that was pasted here holds a password.
 */
export const hostField = () =>
  flagged(
    z
      .string()
      .max(253)
      .overwrite(withoutBrackets)
      .superRefine((host, { addIssue }) => {
        const fault = hostFault(host);
        if (fault !== null) addIssue({ code: 'custom', message: fault });
      }),
    '--host <host>',
    'host of the target: a name, an IPv4 or IPv6 address, or the folder of a Unix socket',
  );

/** `[::1]` stands so in URLs; a socket is opened to `::1`. */
const withoutBrackets = (host: string): string => /^\[([0-9A-Fa-f:.%\w]+)\]$/.exec(host)?.[1] ?? host;

function hostFault(host: string): string | null {
  if (host === '') return 'name a host';
  if (/:\/\/|@|\?/.test(host))
    return 'this is a URL or holds a login: give the host alone, and port, database and login by themselves';
  if (host.includes(',')) return 'several hosts: give the one that takes changes, the primary server';
  if (host.startsWith('/')) return host.length > 100 ? 'the folder of a Unix socket has at most 100 characters' : null;
  if (/^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?$/.test(host)) return null;
  if (/^[^:]*:\d+$/.test(host)) return 'give the port by itself, not behind the host';
  return /^[\w.-]+$/.test(host) ? null : 'neither a name, nor an address, nor the folder of a Unix socket';
}

/** Is a host on this machine, so that nothing on the way to it can be listened to? */
export const isThisMachine = (host: string): boolean =>
  /^(localhost\.?|127(\.\d{1,3}){3}|::1|0*(:0*){2,7}:0*1|\/.*)$/i.test(host);

/** As people write it beside a port. */
export const hostInPlace = (host: string): string => (host.includes(':') ? `[${host}]` : host);

export const portField = (standard: number) =>
  flagged(z.int().min(1).max(65535).default(standard), '--port <port>', `port of the target (default: ${standard})`);

/** As libpq has them, weakest first. */
export const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

export const sslModeField = () =>
  flagged(
    z.enum(SSL_MODES).optional(),
    '--ssl-mode <mode>',
    'disable, require, verify-ca or verify-full (default: verify-full; disable where the host is this machine)',
  );

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/;

/** Authorities (PEM) that are trusted instead of the system's. */
export const authorityField = () =>
  flagged(
    z
      .string()
      .max(65_536)
      .regex(CERTIFICATE, 'no certificate in PEM: it begins with -----BEGIN CERTIFICATE-----')
      .meta({ examples: ['-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'] })
      .optional(),
    '--ssl-root-cert <file>',
    "authority (PEM) that signed the server's certificate, instead of those of the system",
    { isFile: true },
  );

export interface Encryption {
  readonly host: string;
  readonly sslMode?: SslMode | undefined;
  readonly ca?: string | undefined;
}

/**
 * The mode that holds. Unless one is named, a host elsewhere has to prove with its certificate who it is. `require` with
 * an authority looks at the certificate too, as with libpq.
 */
export function sslModeOf({ host, sslMode, ca }: Encryption): SslMode {
  if (sslMode === 'require' && ca !== undefined) return 'verify-ca';
  return sslMode ?? (isThisMachine(host) && ca === undefined ? 'disable' : 'verify-full');
}

export const queryField = (standard: string) =>
  flagged(
    z.string().max(2000).default(standard),
    '--verify-query <sql>',
    `query that proves a login (default: ${standard})`,
  );

/** The rules that follow from the shape alone: how many slots it takes, and that they differ. */
export function* slotFaults(slots: readonly string[], shape: Shape) {
  const path = 'credential.slots';
  if (shape === 'in-place' && slots.length !== 1)
    yield { path, message: 'a value that is replaced in place has one slot: the login that is in use' };
  if (shape === 'side-by-side' && slots.length !== 2)
    yield { path, message: 'values that stand side by side need two slots that take turns' };
  if (new Set(slots).size !== slots.length) yield { path, message: 'the slots must be two different logins' };
}
