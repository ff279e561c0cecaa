import { randomBytes } from 'node:crypto';
import type { Finding } from '@dsops/contracts/rotation/api';
import type { TargetAddress } from '@dsops/contracts/rotation/targets/define-target';
import { presetOf } from '@dsops/contracts/rotation/strategies';
import { DomainError, Secret } from '@dsops/kernel';
import { declarationOf } from '@dsops/contracts/rotation/targets/declarations';
import type { Login, Probe, TargetDriver } from '@dsops/drivers/driver';
import type { Credential } from './service.js';

/** What is looked at before a service is taken over. Nothing here changes the target. */
export interface Candidate {
  readonly driver: TargetDriver;
  readonly target: TargetAddress;
  readonly admin: Login | null;
  readonly credential: Credential;
  /** The login in use, when it is to be taken over; null otherwise. */
  readonly current: Login | null;
}

/**
 * Rights, slots and owner as the driver sees them; then the login in use is tried, and a random wrong value beside it:
 * where that is accepted too, no probe would ever prove anything.
 * @throws DomainError `target_not_ready` with all findings, `current_refused`, `current_unproven`, `target_accepts_anybody`
 */
export async function checkTarget({ driver, target, admin, credential, current }: Candidate): Promise<void> {
  const { findings } = await driver.inspect(
    { target, admin },
    {
      shape: presetOf(credential.strategy).shape,
      endsSessions: presetOf(credential.strategy).endsSessions,
      settings: credential.settings,
      slots: credential.slots,
      inUse: credential.slots.find(({ login }) => login === current?.username)?.name ?? null,
    },
  );
  assertNoError(findings);
  if (current === null) return;
  assertWorks(await driver.probe(target, current, credential.verification), current.username);
  const wrong = new Secret(randomBytes(24).toString('base64url'));
  const control = await driver.probe(target, { username: current.username, password: wrong }, credential.verification);
  assertRefuses(control, current.username, declarationOf(driver.kind).letsAnybodyIn);
}

function assertNoError(findings: readonly Finding[]): void {
  const errors = findings.filter(({ level }) => level === 'error');
  const [first] = errors;
  if (first === undefined) return;
  throw new DomainError('target_not_ready', 'refused', first.message, {
    about: 'target',
    check: first.check,
    ...(first.remedy === null ? {} : { remedy: first.remedy }),
    errors: errors.map(({ check, message }) => ({ path: check, message })),
  });
}

function assertWorks(probe: Probe, username: string): void {
  if (probe.verdict === 'accepted') return;
  if (probe.verdict !== 'refused') throw unproven(probe, username);
  if (probe.refusedBy === 'verification')
    throw new DomainError(
      'current_refused',
      'refused',
      `${username} can log in, but the verification query fails. ${probe.note}`,
      {
        about: 'target',
        path: 'credential.verification.query',
        remedy: 'Correct the query, or give the login the rights that it needs.',
      },
    );
  throw new DomainError(
    'current_refused',
    'refused',
    `The target refuses ${username} with this password. ${probe.note}`,
    {
      about: 'target',
      path: 'current.password',
      remedy: 'Give the password that the login has now. Nothing was stored.',
    },
  );
}

function assertRefuses(probe: Probe, username: string, remedy: string): void {
  if (probe.verdict === 'accepted' || probe.refusedBy === 'verification')
    throw new DomainError(
      'target_accepts_anybody',
      'refused',
      `The target lets ${username} in with any password, so nothing could be proven there.`,
      { about: 'target', remedy },
    );
  if (probe.verdict !== 'refused') throw unproven(probe, username);
}

const unproven = ({ note }: Probe, username: string): DomainError =>
  new DomainError(
    'current_unproven',
    'unavailable',
    `It could not be proven what the target answers to ${username}. ${note}`,
    {
      about: 'target',
      remedy: 'Look at the target, then send it again. Nothing was stored.',
    },
  );
