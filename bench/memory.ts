import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** Name of the program, as far as the system tells it. */
  readonly program: string;
}

const isLinux = process.platform === 'linux';

/** Every process of this machine. @throws on Windows, where nothing tells it without a library. */
function allProcesses(): ProcessFacts[] {
  if (!isLinux)
    return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => {
        const [pid, parent, ...program] = line.trim().split(/\s+/);
        return { pid: Number(pid), parent: Number(parent), program: program.join(' ') };
      });
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = statOf(Number(name));
      return stat === null ? [] : [{ pid: Number(name), parent: Number(stat.fields[1]), program: stat.program }];
    });
}

/** See proc_pid_stat(5). The program stands in parentheses and may hold spaces; `fields` begins behind it, with the state. */
function statOf(pid: number): { program: string; fields: string[] } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    return { program: text.slice(text.indexOf('(') + 1, end), fields: text.slice(end + 2).split(' ') };
  } catch {
    return null; // it has ended meanwhile
  }
}

/** A process and everything below it, the process first. */
export function treeOf(pid: number): ProcessFacts[] {
  const all = allProcesses();
  const own = all.filter((one) => one.pid === pid);
  for (const member of own) own.push(...all.filter(({ parent }) => parent === member.pid));
  return own;
}

const MB = 1024 * 1024;

/** Resident memory of one process, in megabytes. */
export function residentMb(pid: number): number {
  if (isLinux) return statusMb(pid, 'VmRSS');
  return (Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024) / MB;
}

/** The most that it ever was, in megabytes; null where the system does not tell. */
export const peakResidentMb = (pid: number): number | null => (isLinux ? statusMb(pid, 'VmHWM') : null);

function statusMb(pid: number, field: string): number {
  const [, kilobytes] =
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kilobytes) * 1024) / MB;
}

/**
 * Memory of several processes that share much of theirs, in megabytes: each shared page once (PSS) on Linux; elsewhere
 * the sum of what is resident, which counts the shared part several times.
 */
export function sharedMb(pids: readonly number[]): number {
  if (!isLinux) return pids.reduce((sum, pid) => sum + residentMb(pid), 0);
  return pids.reduce((sum, pid) => {
    const [, kilobytes] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
    return sum + (Number(kilobytes) * 1024) / MB;
  }, 0);
}

/** Ticks of the processor's time in /proc; 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;

/**
 * Processor time of a process and all that it has reaped, in milliseconds: of a PostgreSQL server that is every session
 * that has ended. Null where the system does not tell.
 */
export function processorMs(pid: number): number | null {
  if (!isLinux) return null;
  return treeOf(pid).reduce((sum, member) => {
    const fields = statOf(member.pid)?.fields ?? [];
    const ticks = fields.slice(11, 15).reduce((all, field) => all + Number(field), 0);
    return sum + ticks * TICK_MS;
  }, 0);
}
