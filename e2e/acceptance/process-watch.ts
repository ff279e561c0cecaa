import { readdirSync, readFileSync } from 'node:fs';

/** What the processes of an installation show to everybody who may look at them: arguments, and their environment. */
export interface ProcessWatch {
  /** Each distinct command line that was seen, with its zero bytes as spaces. */
  readonly arguments: ReadonlySet<string>;
  readonly environments: ReadonlySet<string>;
  /** Ids of those that are there now, and their command lines. */
  present(): ReadonlyMap<number, string>;
  stop(): void;
}

const LOOK_EVERY_MS = 20;
/** A process that has just been forked still has the face of its parent; after so many looks it is what it is. */
const LOOKS_AT_STRANGERS = 10;

/**
 * Looks again and again at every process whose environment or arguments name `mark`, the installation's folder: children
 * inherit it. Linux only; elsewhere it sees nothing.
 */
export function watchProcesses(mark: string): ProcessWatch {
  /** By process id: is it ours, or how often was it looked at? */
  const judged = new Map<number, 'ours' | number>();
  const seen = { arguments: new Set<string>(), environments: new Set<string>() };

  const isOurs = (pid: number, command: string): boolean => {
    const judgement = judged.get(pid) ?? 0;
    if (judgement === 'ours') return true;
    if (judgement >= LOOKS_AT_STRANGERS) return false;
    const environment = read(pid, 'environ');
    const isMarked = environment.includes(mark) || command.includes(mark);
    judged.set(pid, isMarked ? 'ours' : judgement + 1);
    if (isMarked) seen.environments.add(environment);
    return isMarked;
  };

  const look = () => {
    const ids = processIds();
    const there = new Set(ids);
    for (const pid of judged.keys()) if (!there.has(pid)) judged.delete(pid); // its id may come back as another process
    const present = new Map<number, string>();
    for (const pid of ids) {
      if (Number(judged.get(pid)) >= LOOKS_AT_STRANGERS) continue;
      const command = read(pid, 'cmdline');
      if (command === '' || !isOurs(pid, command)) continue;
      present.set(pid, command);
      seen.arguments.add(command);
    }
    return present;
  };

  const timer = process.platform === 'linux' ? setInterval(look, LOOK_EVERY_MS) : undefined;
  timer?.unref();
  return { ...seen, present: look, stop: () => clearInterval(timer) };
}

const processIds = (): number[] =>
  process.platform === 'linux'
    ? readdirSync('/proc')
        .map(Number)
        .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    : [];

function read(pid: number, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return ''; // it has ended, or belongs to somebody else
  }
}
