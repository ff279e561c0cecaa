import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isAlive } from '../is-alive.js';
import type { StackRecord } from './state-file.js';

const run = promisify(execFile);

/** What a process was started with, as the system shows it; undefined where it does not, or when it is gone. */
async function commandOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined;
  try {
    return (await run('ps', ['-o', 'command=', '-p', String(pid)])).stdout;
  } catch {
    return undefined;
  }
}

/**
 * Whether this process is still what was recorded. A number alone is not enough: once it has ended, the system gives its
 * number to others.
 */
export async function isStill(pid: number, program: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform === 'win32') return true;
  return (await commandOf(pid))?.includes(program) ?? false;
}

/** Whether the process that watches over a stack lives. */
export const isWatched = (record: StackRecord): Promise<boolean> => isStill(record.pid, 'stack');

/** Waits until a process is gone. @returns false when it is still there after that time */
export async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await pause(50);
  }
  return true;
}

/** Recorded processes that run although nobody watches over them any more. */
export async function leftovers(record: StackRecord): Promise<{ pid: number; title: string }[]> {
  const found: { pid: number; title: string }[] = [];
  for (const { pid, program, title } of record.parts)
    if (pid !== undefined && program !== undefined && (await isStill(pid, program))) found.push({ pid, title });
  return found;
}
