import tls from 'node:tls';
import pg from 'pg';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { unwrapSecret } from '@dsops/kernel';
import type { Login } from '../driver.js';
import { within } from '../kit/within.js';

export interface WireOptions {
  readonly connectTimeoutMs: number;
  readonly applicationName: string;
  /** Settings for the session, such as {lock_timeout: '5000'}. A pooler may refuse them, so the path of applications has none. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Certificates (PEM) of authorities that are trusted besides the system's own. */
  readonly authorities?: readonly string[];
}

/** How long a polite goodbye may take before the socket is closed without one. */
const GOODBYE_MS = 500;

/**
 * One connection to a PostgreSQL server: opened once, never reconnected, every wait bounded. It passes errors on as
 * they come; failure.ts says what they mean.
 */
export class Wire {
  /** The process id the server named when the session began; another one in pg_backend_pid() means a pooler. */
  backendPid: number | null = null;
  /** False when the server let us in without looking at the password (`trust`, peer, a client certificate). */
  wasPasswordAsked = false;
  /** What ended the connection behind our back; null while it is open. */
  brokenBy: Error | null = null;

  private constructor(private readonly client: pg.Client) {
    client.on('error', (error) => (this.brokenBy ??= error));
    client.on('end', () => (this.brokenBy ??= new Error('The connection was closed.')));
    client.connection.once('backendKeyData', ({ processID }: { processID: number }) => (this.backendPid = processID));
    for (const asked of ['authenticationSASL', 'authenticationMD5Password', 'authenticationCleartextPassword'])
      client.connection.once(asked, () => (this.wasPasswordAsked = true));
  }

  static async open(target: PostgresqlTarget, login: Login, options: WireOptions): Promise<Wire> {
    const settings = Object.entries(options.settings ?? {}).map(([name, value]) => `-c ${name}=${value}`);
    const wire = new Wire(
      new pg.Client({
        host: target.host,
        port: target.port,
        database: target.database,
        user: login.username,
        // As a function: pg asks for it when the server does, and an empty one does not fall back to the environment.
        password: () => unwrapSecret(login.password),
        application_name: options.applicationName.slice(0, 63),
        ssl: encryption(target, options.authorities),
        ...(settings.length > 0 && { options: settings.join(' ') }),
      }),
    );
    try {
      await within(options.connectTimeoutMs, wire.client.connect());
      return wire;
    } catch (error) {
      wire.cut();
      throw error;
    }
  }

  /** Sends one query and waits for its answer. A SilentTarget says that it was sent and what became of it is not known. */
  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[], timeoutMs: number): Promise<Row[]> {
    const result = await within(timeoutMs, this.client.query<Row>(text, values));
    return result.rows;
  }

  /** Several statements, as a person may write them; what they return is not looked at. */
  async run(text: string, timeoutMs: number): Promise<void> {
    await within(timeoutMs, this.client.query(text));
  }

  async close(): Promise<void> {
    if (this.brokenBy === null) await within(GOODBYE_MS, this.client.end()).catch(() => undefined);
    this.cut();
  }

  /** Closes the socket at once, without a goodbye. */
  cut(): void {
    this.client.connection.stream.destroy();
  }
}

function encryption(target: PostgresqlTarget, authorities: readonly string[] = []): false | tls.ConnectionOptions {
  if (target.sslMode === 'disable') return false;
  if (target.sslMode === 'require') return { rejectUnauthorized: false };
  return { rejectUnauthorized: true, ca: [...tls.getCACertificates('default'), ...authorities] };
}
