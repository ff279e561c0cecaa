import tls from 'node:tls';
import type { Finding } from '@dsops/contracts/rotation/api';
import { isThisMachine, sslModeOf, type Encryption } from '@dsops/contracts/rotation/targets/fields';
import { warning } from './findings.js';

/** Options of `node:tls`, as every client library hands them on. */
export interface TlsOptions {
  rejectUnauthorized: boolean;
  ca?: string[];
  checkServerIdentity?: () => undefined;
}

/**
 * What TLS looks at for this target; false: nothing is encrypted.
 * @param authorities PEM, trusted besides those of the system; a target's own authority stands instead of these
 */
export function encryptionOf(target: Encryption, authorities: readonly string[] = []): false | TlsOptions {
  const mode = sslModeOf(target);
  if (mode === 'disable') return false;
  if (mode === 'require') return { rejectUnauthorized: false };
  const ca = target.ca === undefined ? tls.getCACertificates('default') : [target.ca];
  return {
    rejectUnauthorized: true,
    ca: [...ca, ...authorities],
    ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
  };
}

/** As it stands in messages. */
export const encryptionIn = (target: Encryption): string => `sslMode ${sslModeOf(target)}`;

/** What is weak about the way to a host elsewhere, although it was chosen by name. */
export function assessEncryption(target: Encryption, place: string): Finding[] {
  const mode = sslModeOf(target);
  if (isThisMachine(target.host) || mode === 'verify-full') return [];
  const remedy = 'Turn TLS on at the server, and use sslMode verify-full.';
  if (mode === 'disable') return [warning('encryption', `Nothing is encrypted on the way to ${place}.`, remedy)];
  if (mode === 'require')
    return [
      warning(
        'encryption',
        `Whoever stands between may answer for ${place}: its certificate is not looked at.`,
        remedy,
      ),
    ];
  return [
    warning(
      'encryption',
      `The name in the certificate of ${place} is not looked at: any server of that authority may answer for it.`,
      'Use sslMode verify-full, with a certificate for this host.',
    ),
  ];
}
