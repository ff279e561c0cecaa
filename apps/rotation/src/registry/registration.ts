import type { AddService } from '@dsops/contracts/rotation/api';
import { DomainError, isDomainError, parseDuration, Secret } from '@dsops/kernel';
import type { Login } from '@dsops/drivers/driver';
import type { Credential } from './service.js';

/** What is asked for. The passwords are elsewhere: see {@link Registration}. */
export type RequestedService = Omit<AddService, 'admin' | 'current'> & {
  readonly admin: { readonly username: string };
  readonly current?: { readonly username: string } | undefined;
};

/** A request whose passwords were wrapped at the door, so that nothing behind it sees them as text. */
export interface Registration {
  readonly request: RequestedService;
  readonly admin: Login;
  /** The login to take over as it is; null when dsops makes the first value itself. */
  readonly current: Login | null;
}

export function registrationOf({ admin, current, ...request }: AddService): Registration {
  const wrap = (login: { username: string; password: string }): Login => ({
    username: login.username,
    password: new Secret(login.password),
  });
  return {
    request: {
      ...request,
      admin: { username: admin.username },
      current: current && { username: current.username },
    },
    admin: wrap(admin),
    current: current === undefined ? null : wrap(current),
  };
}

interface Fault {
  readonly path: string;
  readonly message: string;
}

const LONGEST_TIMEOUT_MS = 10 * 60_000;

/**
 * The credential that a request asks for, after everything that can be judged without looking at the target.
 * @throws DomainError `request_invalid`: all faults together, by path.
 */
export function credentialOf(request: RequestedService, id: string): Credential {
  const { credential } = request;
  const faults: Fault[] = [...faultsOfSlots(request)];
  const duration = (text: string, path: string): number => {
    try {
      return parseDuration(text);
    } catch (error) {
      if (!isDomainError(error)) throw error;
      faults.push({ path, message: 'must be a duration such as 30s, 10m or 7d' });
      return 0;
    }
  };
  const gracePeriodMs = duration(credential.gracePeriod, 'credential.gracePeriod');
  const timeoutMs = duration(credential.verification.timeout, 'credential.verification.timeout');
  const isTimeoutKnown = !faults.some(({ path }) => path === 'credential.verification.timeout');
  if (isTimeoutKnown && (timeoutMs < 1 || timeoutMs > LONGEST_TIMEOUT_MS))
    faults.push({ path: 'credential.verification.timeout', message: 'must be more than nothing and at most 10m' });
  const [first] = faults;
  if (first !== undefined)
    throw new DomainError('request_invalid', 'invalid', `${first.path}: ${first.message}`, {
      errors: faults,
      remedy: faults.length > 1 ? `There are ${faults.length} faults; see "errors".` : 'Correct it and send it again.',
    });
  return {
    id,
    name: credential.name,
    strategy: credential.strategy,
    slots: credential.slots,
    owner: credential.owner ?? null,
    gracePeriod: credential.gracePeriod,
    gracePeriodMs,
    verification: { query: credential.verification.query, timeoutMs: Math.ceil(timeoutMs) },
    isRollbackAutomatic: credential.rollback.automatic,
  };
}

function* faultsOfSlots({ credential, admin, current }: RequestedService): Generator<Fault> {
  const { strategy, slots, owner } = credential;
  const at = 'credential.slots';
  if (strategy === 'immediate' && slots.length !== 1)
    yield { path: at, message: 'immediate has one slot: the login that is in use' };
  if (strategy === 'two-key' && slots.length !== 2)
    yield { path: at, message: 'two-key needs two slots: two login roles that take turns' };
  if (new Set(slots).size !== slots.length) yield { path: at, message: 'the slots must be two different login roles' };
  if (slots.includes(admin.username))
    yield {
      path: at,
      message: 'the login that administers the target is never rotated by the rotations it administers',
    };
  if (strategy === 'two-key' && owner === undefined)
    yield { path: 'credential.owner', message: 'two-key needs the role that owns what both slots create' };
  if (owner !== undefined && slots.includes(owner))
    yield { path: 'credential.owner', message: 'the owner must be a role of its own, not one of the slots' };
  if (current !== undefined && !slots.includes(current.username))
    yield { path: 'current.username', message: 'the login in use must be one of the slots' };
}
