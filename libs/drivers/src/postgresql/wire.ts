import tls from 'node:tls';
import pg from 'pg';
import { sslModeOf } from '@dsops/contracts/rotation/targets/fields';
import {
  POSTGRESQL_AUTH,
  type PostgresqlAuth,
  type PostgresqlTarget,
} from '@dsops/contracts/rotation/targets/postgresql';
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

const ASKED_BY = {
  authenticationSASL: 'scram-sha-256',
  authenticationMD5Password: 'md5',
  authenticationCleartextPassword: 'password',
} as const satisfies Record<string, PostgresqlAuth>;

/** The server asked for the password in a weaker way than is allowed. It was given nothing. */
export class WeakAuthentication extends Error {
  constructor(readonly asked: PostgresqlAuth) {
    super('The server asked for the password in a way that is not allowed.');
  }
}

/**
 * One connection to a PostgreSQL server: opened once, never reconnected, every wait bounded. It passes errors on as
 * they come; failure.ts says what they mean.
 */
export class Wire {
  /** The process id the server named when the session began; another one in pg_backend_pid() means a pooler. */
  backendPid: number | null = null;
  /** How the server asked for the password; null when it let us in without (`trust`, peer, a client certificate). */
  asked: PostgresqlAuth | null = null;
  /** What ended the connection behind our back; null while it is open. */
  brokenBy: Error | null = null;

  private constructor(private readonly client: pg.Client) {
    client.on('error', (error) => (this.brokenBy ??= error));
    client.on('end', () => (this.brokenBy ??= new Error('The connection was closed.')));
    client.connection.once('backendKeyData', ({ processID }: { processID: number }) => (this.backendPid = processID));
    for (const [event, asked] of Object.entries(ASKED_BY)) client.connection.on(event, () => (this.asked = asked));
  }

  static async open(target: PostgresqlTarget, login: Login, options: WireOptions): Promise<Wire> {
    const settings = Object.entries(options.settings ?? {}).map(([name, value]) => `-c ${name}=${value}`);
    const ssl = encryption(target, options.authorities);
    // As a function: pg asks for it when the server does, and an empty one does not fall back to the environment.
    const password = (): string => {
      const { asked } = wire;
      if (asked === null || isWeaker(asked, target.auth)) throw new WeakAuthentication(asked ?? 'password');
      return unwrapSecret(login.password);
    };
    const wire: Wire = new Wire(
      new pg.Client({
        host: target.host,
        port: target.port,
        database: target.database,
        user: login.username,
        password,
        application_name: options.applicationName.slice(0, 63),
        ssl,
        // SCRAM-SHA-256-PLUS where the server offers it: nobody between us and it can pass the login on.
        enableChannelBinding: ssl !== false,
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

  /** One statement; what it returns is not looked at. */
  async run(text: string, timeoutMs: number): Promise<void> {
    await within(timeoutMs, this.client.query(text));
  }

  /**
   * Statements as a person wrote them, to see whether they work: they may read and change nothing, and are taken back.
   * What they return is not looked at.
   */
  async tryOut(text: string, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (const each of ['BEGIN READ ONLY', text, 'ROLLBACK'])
      await within(Math.max(1, deadline - performance.now()), this.client.query(each));
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

const isWeaker = (asked: PostgresqlAuth, allowed: PostgresqlAuth = POSTGRESQL_AUTH[0]): boolean =>
  POSTGRESQL_AUTH.indexOf(asked) > POSTGRESQL_AUTH.indexOf(allowed);

function encryption(target: PostgresqlTarget, authorities: readonly string[] = []): false | tls.ConnectionOptions {
  const sslMode = sslModeOf(target);
  if (sslMode === 'disable') return false;
  if (sslMode === 'require') return { rejectUnauthorized: false };
  const ca = [...tls.getCACertificates('default'), ...authorities];
  return { rejectUnauthorized: true, ca, ...(sslMode === 'verify-ca' && { checkServerIdentity: () => undefined }) };
}
