import { readFileSync } from 'node:fs';

/**
 * Tells a process from a later one that got the same number: when it started, of which boot. Null where the platform
 * does not tell (anything but Linux), or there is no such process.
 */
export function processIdentity(pid: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    // The name in brackets may hold anything; the start is the 20th field behind it (proc(5), `starttime`).
    const startTicks = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return startTicks === undefined ? null : `${boot}/${startTicks}`;
  } catch {
    return null;
  }
}
