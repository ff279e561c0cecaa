import { connect, type Socket } from 'node:net';
import { createConnection, type Connection } from 'mariadb';
import type { MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import { unwrapSecret } from '@dsops/kernel';
import type { Login } from '../driver.js';
import { encryptionOf } from '../kit/encryption.js';
import { within } from '../kit/within.js';

export interface WireOptions {
  readonly connectTimeoutMs: number;
  /** Certificates (PEM) of authorities that are trusted besides the system's own. */
  readonly authorities?: readonly string[];
  /** Without it the administrator's session has no database of its own. */
  readonly database?: string;
}

/**
 * Plugins by which a password is proven without being sent: a server, or what stands in its place, could ask for it in
 * clear otherwise. The library knows the option, its types do not.
 */
const HASHED_ONLY: object = { restrictedAuth: ['mysql_native_password', 'client_ed25519'] };

/** How long a polite goodbye may take before the socket is closed without one. */
const GOODBYE_MS = 500;

/** One connection to a MariaDB server: opened once, never reconnected, every wait bounded. Errors pass as they come. */
export class Wire {
  /** What ended the connection behind our back; null while it is open. */
  brokenBy: Error | null = null;

  private constructor(
    private readonly connection: Connection,
    private readonly socket: Socket,
  ) {
    connection.on('error', (error) => (this.brokenBy ??= error));
    connection.on('end', () => (this.brokenBy ??= new Error('The connection was closed.')));
  }

  static async open(target: MariadbTarget, login: Login, options: WireOptions): Promise<Wire> {
    // Ours, so that it can be cut: the library's own way to break off opens another connection and kills the session.
    const socket = connect({ host: target.host, port: target.port });
    const opening = createConnection({
      stream: (give) => give(undefined, socket),
      host: target.host,
      port: target.port,
      ...(options.database !== undefined && { database: options.database }),
      user: login.username,
      password: unwrapSecret(login.password),
      connectTimeout: options.connectTimeoutMs,
      ssl: encryptionOf(target, options.authorities),
      // A server may not read our files, nor get the password in clear or under another plugin that we did not set.
      permitLocalInfile: false,
      allowPublicKeyRetrieval: false,
      ...HASHED_ONLY,
      // Results are small and numbers are ids.
      bigIntAsNumber: true,
      insertIdAsNumber: true,
    });
    try {
      return new Wire(await within(options.connectTimeoutMs, opening), socket);
    } catch (error) {
      opening.catch(() => undefined);
      socket.destroy();
      throw error;
    }
  }

  /** Sends one statement and waits for its answer. A SilentTarget says that what became of it is not known. */
  async query<Row extends object>(text: string, values: readonly unknown[], timeoutMs: number): Promise<Row[]> {
    const answer = await within(timeoutMs, this.connection.query<Row[]>(text, [...values]));
    return Array.isArray(answer) ? answer : [];
  }

  async close(): Promise<void> {
    if (this.brokenBy === null) await within(GOODBYE_MS, this.connection.end()).catch(() => undefined);
    this.cut();
  }

  /** Closes the socket at once, without a goodbye. */
  cut(): void {
    this.socket.destroy();
  }
}
