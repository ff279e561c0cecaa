import type { Finding } from '@dsops/contracts/rotation/api';

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
