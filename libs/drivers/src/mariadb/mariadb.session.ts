import type { MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import type { Secret } from '@dsops/kernel';
import type { CommandOutcome, SessionIdentity, Slot, TargetSession } from '../driver.js';
import type { Limits } from '../kit/limits.js';
import { assertOpen, OneCommand } from '../kit/one-command.js';
import type { AdminWire } from './admin-wire.js';
import { outcomeOf, placeOf } from './answers.js';
import {
  accountOf,
  alterAccount,
  authenticationOf,
  nameOf,
  nativeHash,
  type Account,
  type Authentication,
} from './authentication.js';
import { failureOf } from './failure.js';

const PRIV = 'SELECT Priv AS priv FROM mysql.global_priv WHERE User = ? AND Host = ?';
const SESSIONS = 'SELECT id FROM information_schema.PROCESSLIST WHERE user = ?';

/** Can anybody log in to the slot: to the account, or with the one of its two passwords that is meant? */
function letsIn({ position }: Account, { alternatives, isLocked }: Authentication): boolean {
  if (isLocked) return false;
  const meant = position === null ? alternatives : alternatives.slice(position - 1, position);
  return meant.some(({ kind }) => kind !== 'nobody');
}

/**
 * An administrative session for one command. Whatever cuts it off after the command was sent leaves the outcome `lost`;
 * it is never opened again, so its lock names the only session that can still apply the command.
 */
export class MariadbSession implements TargetSession {
  private readonly once = new OneCommand();

  constructor(
    private readonly admin: AdminWire,
    private readonly target: MariadbTarget,
    private readonly limits: Limits,
  ) {}

  get identity(): SessionIdentity {
    return this.admin.identity;
  }

  async set(
    slot: Slot,
    value: Secret,
    { isIdle }: { readonly isIdle: boolean } = { isIdle: false },
  ): Promise<CommandOutcome> {
    return this.change(slot, nativeHash(value), isIdle);
  }

  /** The slot tells what ends: its account, or one of the two alternatives of its account. */
  async retire(slot: Slot, _ended: Secret | null, { endSessions }: { endSessions: boolean }): Promise<CommandOutcome> {
    const outcome = await this.change(slot, null);
    return endSessions && outcome.kind === 'applied' ? this.endSessionsOf(slot.login) : outcome;
  }

  async close(): Promise<void> {
    await this.admin.wire.close();
  }

  private async change(slot: Slot, hash: string | null, mustBeIdle = false): Promise<CommandOutcome> {
    this.once.claim();
    const { wire } = this.admin;
    assertOpen(wire.brokenBy, placeOf(this.target));
    const account = accountOf(slot);
    const hashes = await this.hashesWith(account, hash, mustBeIdle);
    if ('kind' in hashes) return hashes;
    try {
      await wire.query(alterAccount(account, hashes), [], this.limits.answerTimeoutMs);
      return { kind: 'applied' };
    } catch (error) {
      const outcome = outcomeOf(failureOf(error), nameOf(account), this.target);
      if (outcome.kind === 'lost') wire.cut();
      return outcome;
    }
  }

  /**
   * What the account lets in afterwards. Of two passwords the other one stays what it is, read on this session a moment
   * before, as is whether the slot is idle where it must be: what somebody changes by hand in between is overwritten, so
   * people leave the account to dsops.
   */
  private async hashesWith(
    account: Account,
    hash: string | null,
    mustBeIdle: boolean,
  ): Promise<(string | null)[] | CommandOutcome> {
    if (account.position === null && !mustBeIdle) return [hash];
    const name = nameOf(account);
    let rows: { priv: unknown }[];
    try {
      rows = await this.admin.wire.query(PRIV, [account.user, account.host], this.limits.answerTimeoutMs);
    } catch (error) {
      // Nothing was sent yet that changes anything.
      const outcome = outcomeOf(failureOf(error), name, this.target);
      if (outcome.kind === 'lost') this.admin.wire.cut();
      return outcome;
    }
    const [row] = rows;
    if (row === undefined) return outcomeOf({ kind: 'answer', errno: 1396 }, name, this.target);
    const authentication = authenticationOf(typeof row.priv === 'string' ? JSON.parse(row.priv) : row.priv);
    if (mustBeIdle && letsIn(account, authentication))
      return {
        kind: 'refused',
        code: 'slot_taken',
        message: `${name} lets somebody in, though dsops had ended the last value there. It was left as it is.`,
        remedy: `See who uses it. When nobody does, lock it, then rotate again.`,
      };
    if (account.position === null) return [hash];
    const { alternatives } = authentication;
    const other = alternatives[account.position === 1 ? 1 : 0];
    if (alternatives.length > 2 || other?.kind === 'foreign')
      return {
        kind: 'refused',
        code: 'foreign_authentication',
        message: `${name} lets in by something that dsops did not set, and would lose it.`,
        remedy: `Look at it with SHOW CREATE USER ${name}; and leave it two alternatives of mysql_native_password at most.`,
      };
    const kept = other?.kind === 'hash' ? other.hash : null;
    return account.position === 1 ? [hash, kept] : [kept, hash];
  }

  /** Two empty looks in a row end it: a login that passed the password check before the change shows up a moment later. */
  private async endSessionsOf(login: string): Promise<CommandOutcome> {
    const deadline = performance.now() + this.limits.endTimeoutMs;
    const { wire } = this.admin;
    let open = 0;
    let emptyLooks = 0;
    while (performance.now() < deadline) {
      try {
        const rows = await wire.query<{ id: number }>(SESSIONS, [login], this.limits.answerTimeoutMs);
        for (const { id } of rows) await this.kill(id);
        open = rows.length;
      } catch {
        wire.cut();
        return { kind: 'lost', message: `${login} can log in no more; whether its sessions ended is not known.` };
      }
      emptyLooks = open === 0 ? emptyLooks + 1 : 0;
      if (emptyLooks === 2) return { kind: 'applied' };
      await new Promise((resume) => setTimeout(resume, this.limits.lookEveryMs));
    }
    return { kind: 'lost', message: `${login} can log in no more; ${open} of its sessions are still ending.` };
  }

  private async kill(id: number): Promise<void> {
    try {
      await this.admin.wire.query(`KILL CONNECTION ${Number(id)}`, [], this.limits.answerTimeoutMs);
    } catch (error) {
      const failure = failureOf(error);
      // 1094: it has gone by itself.
      if (failure.kind !== 'answer' || failure.errno !== 1094) throw error;
    }
  }
}
