import type { Finding } from '@dsops/contracts/rotation/api';
import type { Strategy } from '@dsops/contracts/rotation/states';

/** What is to be rotated, as `inspect` is asked. */
export interface Wanted {
  readonly strategy: Strategy;
  readonly slots: readonly string[];
  readonly owner: string | null;
  readonly inUse: string | null;
  /** Slots that may log in because dsops left a value there, which the rotation ends first. */
  readonly leftBehind?: readonly string[];
}

export const ok = (check: string, message: string): Finding => ({ check, level: 'ok', message, remedy: null });

export const warning = (check: string, message: string, remedy: string): Finding => ({
  check,
  level: 'warning',
  message,
  remedy,
});

export const error = (check: string, message: string, remedy: string): Finding => ({
  check,
  level: 'error',
  message,
  remedy,
});
