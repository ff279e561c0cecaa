import { settingsIn, type AddService, type AskedLogin } from '@dsops/contracts/rotation/add-service';
import { presetOf } from '@dsops/contracts/rotation/strategies';
import { declarationOf } from '@dsops/contracts/rotation/targets/declarations';
import type { Fault } from '@dsops/contracts/rotation/targets/define-target';
import { DomainError, isDomainError, parseDuration, Secret } from '@dsops/kernel';
import type { Login, Slot } from '@dsops/drivers/driver';
import type { Credential } from './service.js';

/** What is asked for. The passwords are elsewhere: see {@link Registration}. */
export type RequestedService = Omit<AddService, 'admin' | 'current'> & {
  readonly admin?: { readonly username: string } | undefined;
  readonly current?: { readonly username: string } | undefined;
};

/** A request whose passwords were wrapped at the door, so that nothing behind it sees them as text. */
export interface Registration {
  readonly request: RequestedService;
  /** Null where the credential changes itself. */
  readonly admin: Login | null;
  /** The login to take over as it is; null when dsops makes the first value itself. */
  readonly current: Login | null;
}

export function registrationOf({ admin, current, ...request }: AddService): Registration {
  const wrap = (login: AskedLogin): Login => ({
    username: login.username,
    password: new Secret(login.password),
  });
  return {
    request: {
      ...request,
      admin: admin && { username: admin.username },
      current: current && { username: current.username },
    },
    admin: admin === undefined ? null : wrap(admin),
    current: current === undefined ? null : wrap(current),
  };
}

/** An old value that is longer valid is not rotated, but kept. */
const LONGEST_GRACE_MS = 90 * 86_400_000;
/** For what people are asked, and what looking twice can tell. */
const SHORTEST_WAIT_MS = 60_000;
const LONGEST_TIMEOUT_MS = 10 * 60_000;

/**
 * The credential that a request asks for, after everything that can be judged without looking at the target.
 * @throws DomainError `request_invalid`: all faults together, by path.
 */
export function credentialOf(request: RequestedService, id: string): Credential {
  const { credential } = request;
  const kind = declarationOf(request.type);
  const settings = settingsIn(credential);
  const preset = presetOf(credential.strategy);
  const gracePeriod = credential.gracePeriod ?? preset.gracePeriod[credential.consumers];
  const slots = kind.slots(settings);
  const faults: Fault[] = [...kind.faults(settings, preset.shape), ...faultsOfLogins(request, slots)];
  const duration = (text: string, path: string): number => {
    try {
      return parseDuration(text);
    } catch (error) {
      if (!isDomainError(error)) throw error;
      faults.push({ path, message: 'must be a duration such as 30s, 10m or 7d' });
      return 0;
    }
  };
  const gracePeriodMs = duration(gracePeriod, 'credential.gracePeriod');
  if (gracePeriodMs > LONGEST_GRACE_MS) faults.push({ path: 'credential.gracePeriod', message: 'must be at most 90d' });
  const { maxGrace } = credential;
  const maxGraceMs = duration(maxGrace, 'credential.maxGrace');
  const quietFor = credential.retire.whenQuietFor ?? null;
  const quietForMs = quietFor === null ? null : duration(quietFor, 'credential.retire.whenQuietFor');
  for (const [path, ms] of [
    ['credential.maxGrace', maxGraceMs],
    ['credential.retire.whenQuietFor', quietForMs],
  ] as const)
    if (ms !== null && ms < SHORTEST_WAIT_MS && !faults.some((fault) => fault.path === path))
      faults.push({ path, message: 'must be at least 1m' });
  const timeoutMs = duration(credential.verification.timeout, 'credential.verification.timeout');
  const isTimeoutKnown = !faults.some(({ path }) => path === 'credential.verification.timeout');
  if (isTimeoutKnown && (timeoutMs < 1 || timeoutMs > LONGEST_TIMEOUT_MS))
    faults.push({ path: 'credential.verification.timeout', message: 'must be more than nothing and at most 10m' });
  const { timeout: _timeout, ...check } = credential.verification;
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
    slots,
    settings,
    consumers: credential.consumers,
    gracePeriod,
    gracePeriodMs,
    maxGrace,
    maxGraceMs,
    quietFor,
    quietForMs,
    verification: { check, timeoutMs: Math.ceil(timeoutMs) },
    isRollbackAutomatic: credential.rollback.automatic,
  };
}

/** What holds for every kind: who administers is not rotated, and what is in use is one of the slots. */
function* faultsOfLogins({ admin, current }: RequestedService, slots: readonly Slot[]): Generator<Fault> {
  const logins = slots.map(({ login }) => login);
  if (admin !== undefined && logins.includes(admin.username))
    yield {
      path: 'credential.slots',
      message: 'the login that administers the target is never rotated by the rotations it administers',
    };
  if (current !== undefined && !logins.includes(current.username))
    yield { path: 'current.username', message: 'the login in use must be one of the slots' };
}
