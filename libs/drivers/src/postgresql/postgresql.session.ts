import pg from 'pg';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { DomainError, type Secret } from '@dsops/kernel';
import type { CommandOutcome, SessionIdentity, Slot, TargetSession } from '../driver.js';
import { assertOpen, OneCommand } from '../kit/one-command.js';
import { ask, type AdminWire } from './admin-wire.js';
import { outcomeOf, placeOf } from './answers.js';
import { failureOf } from './failure.js';
import type { Limits } from '../kit/limits.js';
import { scramVerifier } from './scram.js';

/** Sessions of a role. usesysid and pid are visible to everybody, so no right is needed to count them. */
const END_SESSIONS = `
  SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
   WHERE usesysid = (SELECT oid FROM pg_roles WHERE rolname = $1) AND pid <> pg_backend_pid()`;

const MAY_END_SESSIONS = `
  SELECT pg_has_role(oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE') AS may FROM pg_roles WHERE rolname = $1`;

/**
 * Sets the password of a role that must not be able to log in, and lets it log in then. The first statement takes the
 * role's lock, so that what is looked at stays so until the end; where the role may log in, the look divides by zero,
 * and all of it is rolled back. Sessions do not count: of a login that was retired they may be open for weeks.
 */
const setIfClosed = (username: string, verifier: string): string => {
  const role = pg.escapeIdentifier(username);
  return `BEGIN ISOLATION LEVEL READ COMMITTED;
    ALTER ROLE ${role} PASSWORD ${verifier};
    SELECT 1 / (CASE WHEN rolcanlogin THEN 0 ELSE 1 END) FROM pg_catalog.pg_roles WHERE rolname = ${pg.escapeLiteral(username)};
    ALTER ROLE ${role} LOGIN;
    COMMIT`;
};

/**
 * An administrative session for one command. Whatever cuts it off after the command was sent leaves the outcome `lost`;
 * it is never opened again, so its identity names the only process that can still apply the command.
 */
export class PostgresqlSession implements TargetSession {
  private readonly once = new OneCommand();

  constructor(
    private readonly admin: AdminWire,
    private readonly target: PostgresqlTarget,
    private readonly limits: Limits,
  ) {}

  get identity(): SessionIdentity {
    return this.admin.identity;
  }

  async set(
    { login: username }: Slot,
    value: Secret,
    { isIdle }: { readonly isIdle: boolean } = { isIdle: false },
  ): Promise<CommandOutcome> {
    this.claim(username);
    const verifier = pg.escapeLiteral(await scramVerifier(value));
    return isIdle
      ? this.send(username, setIfClosed(username, verifier))
      : this.alter(username, `LOGIN PASSWORD ${verifier}`);
  }

  /** The role alone tells what ends: it holds one password. */
  async retire(
    { login: username }: Slot,
    _ended: Secret | null,
    { endSessions }: { endSessions: boolean },
  ): Promise<CommandOutcome> {
    this.claim(username);
    if (endSessions && !(await this.mayEndSessions(username)))
      return {
        kind: 'refused',
        code: 'missing_right',
        message: `The admin may not end sessions of ${username}, so its login was left as it is.`,
        remedy: 'Grant it pg_signal_backend; docs/targets/postgresql.md has the statement.',
      };
    const outcome = await this.alter(username, 'NOLOGIN PASSWORD NULL');
    return endSessions && outcome.kind === 'applied' ? this.endSessionsOf(username) : outcome;
  }

  async close(): Promise<void> {
    await this.admin.wire.close();
  }

  private claim(username: string): void {
    this.once.claim();
    // The server would shorten it without an error, and change another role.
    if (Buffer.byteLength(username) > 63 || username.includes('\0'))
      throw new DomainError('role_name_invalid', 'invalid', `"${username}" is no name that PostgreSQL can have.`, {
        remedy: 'Names of roles have at most 63 bytes.',
      });
  }

  private alter(username: string, attributes: string): Promise<CommandOutcome> {
    return this.send(username, `ALTER ROLE ${pg.escapeIdentifier(username)} ${attributes}`);
  }

  /** One message, whatever is in it: it is done as a whole, or not at all. */
  private async send(username: string, text: string): Promise<CommandOutcome> {
    const { wire } = this.admin;
    assertOpen(wire.brokenBy, placeOf(this.target));
    try {
      await wire.run(text, this.limits.answerTimeoutMs);
      return { kind: 'applied' };
    } catch (error) {
      const outcome = outcomeOf(failureOf(error), username, this.target);
      if (outcome.kind === 'lost') wire.cut();
      return outcome;
    }
  }

  private async mayEndSessions(username: string): Promise<boolean> {
    const rows = await ask<{ may: boolean }>(
      this.admin.wire,
      this.target,
      MAY_END_SESSIONS,
      [username],
      this.limits.answerTimeoutMs,
    );
    // A role that does not exist is told by the command itself.
    return rows[0]?.may ?? true;
  }

  /**
   * Two empty looks in a row end it: a login that passed the password check before the change shows up in
   * pg_stat_activity a moment later.
   */
  private async endSessionsOf(username: string): Promise<CommandOutcome> {
    const deadline = performance.now() + this.limits.endTimeoutMs;
    const { wire } = this.admin;
    let open = 0;
    let emptyLooks = 0;
    while (performance.now() < deadline) {
      try {
        open = (await wire.query(END_SESSIONS, [username], this.limits.answerTimeoutMs)).length;
      } catch {
        wire.cut();
        return { kind: 'lost', message: `${username} can log in no more; whether its sessions ended is not known.` };
      }
      emptyLooks = open === 0 ? emptyLooks + 1 : 0;
      if (emptyLooks === 2) return { kind: 'applied' };
      await new Promise((resume) => setTimeout(resume, this.limits.lookEveryMs));
    }
    return { kind: 'lost', message: `${username} can log in no more; ${open} of its sessions are still ending.` };
  }
}
