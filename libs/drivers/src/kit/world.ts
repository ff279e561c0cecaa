import type { Shape } from '@dsops/contracts/rotation/strategies';
import type {
  CredentialSettings,
  Slot,
  TargetAddress,
  VerificationCheck,
} from '@dsops/contracts/rotation/targets/define-target';
import type { Secret } from '@dsops/kernel';
import type { Login, TargetDriver } from '../driver.js';
import type { Limits } from './limits.js';

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * A real server of one kind in a folder of its own: what conformance, kill matrix, fuzz and benches start by name. Each
 * driver brings one in `<kind>/world.ts`. Everything here goes past the driver, so that a mistake there is not made again.
 */
export interface World {
  readonly kind: string;
  readonly address: Address;
  /** Ways in which a tenant can have its two slots, such as two roles, or two passwords of one account. */
  readonly layouts: readonly string[];
  /** Bytes by which a `set` or `retire` can be told on the wire. */
  readonly commandMark: string;
  driver(limits?: Partial<Limits>): TargetDriver;
  /** An application's place at the server, with an administrator who has just the rights that the documentation lists. */
  tenant(name: string, layout?: string): Promise<Tenant>;
  /** Ends every session at once and writes nothing down first, as a crash does; resolves when logins work again. */
  crash(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

export interface Tenant {
  /** Null where the credential changes itself. */
  readonly admin: Login | null;
  /** Both slots; idle until something is set. */
  readonly slots: readonly [Slot, Slot];
  /** Of a credential that is rotated in this shape: in place with the first slot alone. */
  settingsFor(shape: Shape): CredentialSettings;
  /** The target, reached at this address: the server's own, or a proxy before it. */
  targetAt(address: Address): TargetAddress;
  readonly checks: {
    /** Every login passes it. */
    readonly passing: VerificationCheck;
    /** No login passes it. */
    readonly failing: VerificationCheck;
    /**
     * The second value that logs in with it fails, each other passes: a new value that cannot do its work. Null where the
     * server does not tell which of two values a login came with.
     */
    readonly failingSecondValue: VerificationCheck | null;
  };
  /** As an operator of the target does it by hand. */
  set(slot: Slot, value: Secret): Promise<void>;
  /** Makes both slots idle and ends the sessions of the tenant and its administrator. */
  idle(): Promise<void>;
  /** A session of an application, held open. */
  holdSession(login: Login): Promise<HeldSession>;
  /** Takes all of it away, and ends what sessions there are: the name is free for another one. */
  remove(): Promise<void>;
  /** What {@link WorldModule.openObserver} needs in another process. */
  readonly observedAt: ObserverPlace;
}

export interface HeldSession {
  isOpen(): Promise<boolean>;
  close(): Promise<void>;
}

/** Plain JSON. */
export type ObserverPlace = Readonly<Record<string, unknown>>;

/** What a slot lets in. `foreign`: a value that nobody told of. */
export type Accepts =
  { readonly kind: 'nobody' } | { readonly kind: 'value'; readonly value: string } | { readonly kind: 'foreign' };

/** Looks at one tenant from outside, on connections of its own. */
export interface Observer {
  /**
   * What each slot accepts, by its name: exact, at one instant, without a login, and cheap enough to be asked all the time.
   * @param valuesNow every value that was ever generated. Asked after the target: a value that the target accepts was
   * told before it was sent.
   */
  accepted(valuesNow: () => readonly string[]): Promise<Map<string, Accepts>>;
  /** One real login. @throws what kept it from being judged */
  logIn(username: string, password: string): Promise<'accepted' | 'refused'>;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** As few settings as possible differ from those of production; false: faster, and a crash may lose what was promised. */
  readonly isDurable?: boolean;
}

/** What a file `<kind>/world.ts` exports. */
export interface WorldModule {
  /** @throws Error that says what is missing on this machine and how to get it */
  startWorld(options?: WorldOptions): Promise<World>;
  openObserver(place: ObserverPlace): Promise<Observer>;
}

/** @throws when there is no driver of this kind, or it brings no world */
export const worldOf = (kind: string): Promise<WorldModule> => import(`../${kind}/world.js`) as Promise<WorldModule>;
