import pg from 'pg';
import type { PostgresqlAuth, PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { unwrapSecret } from '@dsops/kernel';
import type { Login } from '../driver.js';
import { encryptionOf } from '../kit/encryption.js';
import { within } from '../kit/within.js';
import { AuthenticationDeclined, ForeignAnswer, isAllowed, type Asked } from './authentication.js';

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
  /** Was the password proven over a channel that is bound to the server's certificate (SCRAM-SHA-256-PLUS)? */
  isBound = false;
  /** What ended the connection behind our back; null while it is open. */
  brokenBy: Error | null = null;

  /** Why we gave nothing to what answered; null while it asked for nothing that was not chosen. */
  private declined: AuthenticationDeclined | null = null;

  private constructor(
    private readonly client: pg.Client,
    target: PostgresqlTarget,
  ) {
    client.on('error', (error) => (this.brokenBy ??= error));
    client.on('end', () => (this.brokenBy ??= new Error('The connection was closed.')));
    client.connection.once('backendKeyData', ({ processID }: { processID: number }) => (this.backendPid = processID));
    this.watchAuthentication(target);
  }

  /**
   * What libpq calls `require_auth`. The library answers whatever the server asks, also a second question in clear after
   * a first one by SCRAM; so these listeners, which come before its own, close the socket before it can.
   */
  private watchAuthentication(target: PostgresqlTarget): void {
    const { connection } = this.client;
    let proven: Asked = 'none';
    const decline = (asked: Asked) => {
      this.declined ??= new AuthenticationDeclined(asked);
      this.cut();
    };
    const onAsked = (asked: PostgresqlAuth) => (isAllowed(asked, target) ? (proven = asked) : decline(asked));
    connection.on('authenticationCleartextPassword', () => onAsked('password'));
    connection.on('authenticationMD5Password', () => onAsked('md5'));
    connection.on('authenticationSASL', () => (proven = 'unproven'));
    // The library looks at the server's signature, and gives up where it is wrong.
    connection.on('authenticationSASLFinal', () => (proven = 'scram-sha-256'));
    connection.on('authenticationOk', () => {
      if (proven === 'none' || proven === 'unproven') decline(proven);
    });
  }

  static async open(target: PostgresqlTarget, login: Login, options: WireOptions): Promise<Wire> {
    const settings = Object.entries(options.settings ?? {}).map(([name, value]) => `-c ${name}=${value}`);
    const ssl = encryptionOf(target, options.authorities);
    const wire = new Wire(
      new pg.Client({
        host: target.host,
        port: target.port,
        database: target.database,
        user: login.username,
        // As a function: an empty one does not fall back to the environment.
        password: () => unwrapSecret(login.password),
        application_name: options.applicationName.slice(0, 63),
        ssl,
        enableChannelBinding: ssl !== false,
        ...(settings.length > 0 && { options: settings.join(' ') }),
      }),
      target,
    );
    wire.client.connection.on('authenticationSASL', ({ mechanisms }: { mechanisms: readonly string[] }) => {
      wire.isBound = ssl !== false && mechanisms.includes('SCRAM-SHA-256-PLUS');
    });
    // A server begins with what it answers to the wish for TLS, or with one of these messages.
    const beginnings = ssl === false ? 'REvN' : 'SNE';
    let isForeign = false;
    wire.client.connection.stream.once('data', (bytes: Buffer) => {
      isForeign = !beginnings.includes(String.fromCharCode(bytes[0] ?? 0));
    });
    try {
      await within(options.connectTimeoutMs, wire.client.connect());
    } catch (error) {
      wire.cut();
      throw wire.declined ?? (isForeign ? new ForeignAnswer('It speaks another protocol.') : error);
    }
    if (wire.declined !== null) throw wire.declined;
    return wire;
  }

  /** Sends one query and waits for its answer. A SilentTarget says that it was sent and what became of it is not known. */
  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[], timeoutMs: number): Promise<Row[]> {
    const result = await within(timeoutMs, this.client.query<Row>(text, values));
    return result.rows;
  }

  /**
   * One statement as a person wrote it, to see whether it works: it may read and change nothing, and is taken back. Only
   * one, so that it cannot end the transaction in which it runs and then go on. What it returns is not looked at.
   */
  async tryOut(text: string, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const remaining = () => Math.max(1, deadline - performance.now());
    await this.run('BEGIN READ ONLY', remaining());
    await within(remaining(), this.client.query({ text, queryMode: 'extended' } as pg.QueryConfig));
    await this.run('ROLLBACK', remaining());
  }

  /** A statement of ours; what it returns is not looked at. */
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
