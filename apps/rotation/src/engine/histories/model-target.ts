import type { ConsumersSeen, DriverFacts } from '@dsops/drivers/driver';

/** How the target treats the next command. `late`: no answer comes, and the command lands after this time. */
export type Fate =
  | { readonly kind: 'normal' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'lost-before' }
  | { readonly kind: 'lost-after' }
  | { readonly kind: 'late'; readonly ms: number }
  | { readonly kind: 'slow'; readonly ms: number };

export interface TargetCommand {
  readonly do: 'set' | 'retire';
  readonly slot: string;
  readonly value: string | null;
  readonly rotationId: string;
  readonly ends: string | null;
  readonly by: string;
}

interface SlotState {
  readonly value: string | null;
  readonly canLogin: boolean;
}

interface Slot extends SlotState {
  readonly changedAtMs: number;
  readonly before: SlotState;
}

export interface SeenProbe {
  readonly atMs: number;
  readonly slot: string;
  readonly value: string | null;
  readonly verdict: 'accepted' | 'refused';
}

/**
 * A target that keeps logins in slots, with everything that can go wrong on the way to it. It knows nothing of
 * rotations; the oracle listens to what really lands.
 */
export class ModelTarget {
  nowMs = 0;
  isUnreachable = false;
  acceptsAnything = false;
  /** Values whose login works while the verification query fails. */
  readonly unverified = new Set<string>();
  nextFate: Fate = { kind: 'normal' };
  readonly probes: SeenProbe[] = [];
  readonly wrongLogins: { readonly slot: string; readonly atMs: number }[] = [];
  onReceived: (command: TargetCommand) => void = () => {};
  /** Called around each change; `before` is what could log in until then. */
  onLanded: (command: TargetCommand, before: SlotState) => void = () => {};

  private readonly slots = new Map<string, Slot>();
  private readonly sessions = new Map<number, { isOpen: boolean; readonly openedAtMs: number }>();
  private pending: { readonly atMs: number; readonly session: number; readonly command: TargetCommand }[] = [];
  private lastSession = 0;
  /** Applications that hold a session with the login of a slot: whose, and since when. */
  private readonly pools: { readonly slot: string; readonly application: string; readonly sinceMs: number }[] = [];
  private poolCount = 0;

  constructor(private readonly facts: DriverFacts) {}

  put(slot: string, value: string | null, canLogin = value !== null): void {
    const before = this.effective(slot);
    this.slots.set(slot, { value, canLogin, changedAtMs: this.nowMs, before });
  }

  /** What a login meets now: within the propagation time still the state before. */
  effective(slot: string): SlotState {
    const state = this.slots.get(slot);
    if (!state) return { value: null, canLogin: false };
    return this.nowMs < state.changedAtMs + this.facts.propagationMs ? state.before : state;
  }

  /** What it will be when everything has spread. */
  settled(slot: string): SlotState {
    return this.slots.get(slot) ?? { value: null, canLogin: false };
  }

  accepts(slot: string, value: string | null): boolean {
    const { value: held, canLogin } = this.effective(slot);
    return canLogin && value !== null && held === value;
  }

  probe(slot: string, value: string | null): 'accepted' | 'refused' | 'unverified' | 'errored' {
    if (this.isUnreachable) return 'errored';
    const isAccepted = this.acceptsAnything || this.accepts(slot, value);
    if (!isAccepted) this.wrongLogins.push({ slot, atMs: this.nowMs });
    this.probes.push({ atMs: this.nowMs, slot, value, verdict: isAccepted ? 'accepted' : 'refused' });
    return isAccepted ? (value !== null && this.unverified.has(value) ? 'unverified' : 'accepted') : 'refused';
  }

  /** An application that was configured by hand logs in and stays. */
  use(slot: string): void {
    if (!this.effective(slot).canLogin) return;
    this.pools.push({ slot, application: `pool-${++this.poolCount}`, sinceMs: this.nowMs });
  }

  /** Every such application of the slot ends its sessions. */
  leave(slot: string): void {
    for (let i = this.pools.length; i-- > 0;) if (this.pools[i]?.slot === slot) this.pools.splice(i, 1);
  }

  usersOf(slot: string): readonly { readonly application: string; readonly sinceMs: number }[] {
    return this.pools.filter((pool) => pool.slot === slot);
  }

  consumers(slot: string): ConsumersSeen | { readonly notBecause: string } {
    if (this.isUnreachable) return { notBecause: 'No answer.' };
    const sessions = this.usersOf(slot).map(({ application }) => ({
      ...{ login: slot, address: null, application, since: null },
    }));
    return { sessions, isWhole: true, blindSpots: [] };
  }

  /** Logins with this value still work; what they may do there does not. */
  breakVerification(value: string): void {
    this.unverified.add(value);
  }

  /** Every fault ends. */
  mend(): void {
    this.isUnreachable = false;
    this.acceptsAnything = false;
    this.nextFate = { kind: 'normal' };
    this.unverified.clear();
  }

  openSession(): number | null {
    if (this.isUnreachable) return null;
    this.sessions.set(++this.lastSession, { isOpen: true, openedAtMs: this.nowMs });
    return this.lastSession;
  }

  /** What was sent and not yet done goes on; a session that waits for nothing ends with its client. */
  disconnect(id: number): void {
    const session = this.sessions.get(id);
    if (session && !this.pending.some((each) => each.session === id)) session.isOpen = false;
  }

  endSession(id: number): boolean {
    if (!this.isUnreachable) this.endAtTheTarget(id);
    return !this.isUnreachable;
  }

  endAtTheTarget(id: number): void {
    const session = this.sessions.get(id);
    if (session) session.isOpen = false;
    this.pending = this.pending.filter((each) => each.session !== id);
  }

  /** @returns the answer and after how long it comes; `lost` is an answer that never comes. */
  send(id: number, command: TargetCommand): { answer: 'applied' | 'refused' | 'lost'; afterMs: number } {
    const session = this.sessions.get(id);
    if (!session || !this.canLand(id, this.nowMs) || this.isUnreachable) return { answer: 'lost', afterMs: 0 };
    const fate = this.nextFate;
    this.nextFate = { kind: 'normal' };
    this.onReceived(command);
    switch (fate.kind) {
      case 'normal':
        this.land(id, command);
        return { answer: 'applied', afterMs: 0 };
      case 'refused':
        session.isOpen = false;
        return { answer: 'refused', afterMs: 0 };
      case 'lost-before':
        return { answer: 'lost', afterMs: 0 };
      case 'lost-after':
        this.land(id, command);
        return { answer: 'lost', afterMs: 0 };
      case 'late':
        this.pending.push({ atMs: this.nowMs + fate.ms, session: id, command });
        return { answer: 'lost', afterMs: 0 };
      case 'slow':
        this.pending.push({ atMs: this.nowMs + fate.ms / 2, session: id, command });
        return { answer: this.canLand(id, this.nowMs + fate.ms) ? 'applied' : 'lost', afterMs: fate.ms };
    }
  }

  passTo(nowMs: number): void {
    const due = this.pending.filter((each) => each.atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    this.pending = this.pending.filter((each) => each.atMs > nowMs);
    for (const { atMs, session, command } of due) {
      this.nowMs = Math.max(this.nowMs, atMs);
      this.land(session, command);
    }
    this.nowMs = Math.max(this.nowMs, nowMs);
  }

  /** Is there a command of this rotation that can still land? */
  hasPending(rotationId: string): boolean {
    return this.pending.some((each) => each.command.rotationId === rotationId && this.canLand(each.session, each.atMs));
  }

  private canLand(id: number, atMs: number): boolean {
    const { abandonment } = this.facts;
    const session = this.sessions.get(id);
    if (!session?.isOpen) return false;
    return abandonment.by !== 'waiting' || atMs <= session.openedAtMs + abandonment.boundMs;
  }

  private land(id: number, command: TargetCommand): void {
    const session = this.sessions.get(id);
    if (!session || !this.canLand(id, this.nowMs)) return;
    session.isOpen = false;
    const before = this.effective(command.slot);
    const held = this.settled(command.slot);
    if (command.do === 'set') this.put(command.slot, command.value);
    else this.put(command.slot, held.value, false);
    this.onLanded(command, before);
  }
}
