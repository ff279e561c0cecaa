import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mustRun } from '../tools/run-command.js';

export interface Keystore {
  /** PKCS #12, with the key and its self-signed certificate. */
  readonly file: string;
  readonly password: string;
  /** What clients have to trust, PEM. */
  readonly certificate: string;
}

/**
 * A key and a certificate for 127.0.0.1 and localhost, valid for ten years, made once with Java's own keytool. The
 * password protects a file that lies beside it: it is Java that wants one.
 */
export async function makeKeystore(folder: string, java: string): Promise<Keystore> {
  const file = join(folder, 'kafka.p12');
  const passwordFile = join(folder, 'kafka.p12.password');
  const certificateFile = join(folder, 'kafka.crt');
  if (!existsSync(certificateFile)) {
    const keytool = dirname(java) === '.' ? 'keytool' : join(dirname(java), 'keytool');
    await writeFile(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 });
    const store = ['-keystore', file, '-storetype', 'PKCS12', '-storepass:file', passwordFile, '-alias', 'kafka'];

    await mustRun("Making Kafka's certificate", keytool, [
      '-genkeypair',
      ...store,
      '-keyalg',
      'EC',
      '-groupname',
      'secp256r1',
      '-validity',
      '3650',
      '-dname',
      'CN=127.0.0.1',
      '-ext',
      'SAN=ip:127.0.0.1,dns:localhost',
      '-ext',
      'BC=ca:true',
    ]);
    await mustRun("Exporting Kafka's certificate", keytool, [
      '-exportcert',
      '-rfc',
      ...store,
      '-file',
      certificateFile,
    ]);
  }
  return {
    file,
    password: await readFile(passwordFile, 'utf8'),
    certificate: await readFile(certificateFile, 'utf8'),
  };
}
