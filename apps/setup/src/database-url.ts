import { unwrapSecret } from '@dsops/kernel';
import type { SetupConfig } from './config.js';

/** As the administrator. It holds the password: never print it. */
export function urlOf({ host, port, admin }: SetupConfig, database: string): string {
  const login = `${encodeURIComponent(admin.user)}:${encodeURIComponent(unwrapSecret(admin.password))}`;
  return `postgres://${login}@${host}:${port}/${encodeURIComponent(database)}`;
}
