import type { LifeOptions, RunningServer } from '../servers/server-process.js';
import type { ServerExit } from '../servers/why-it-ended.js';
import type { PartBoard, PartFacts } from './part-board.js';
import type { PortBook } from './port-book.js';
import type { StackHome } from './stack-home.js';

/** What whoever starts a part needs. */
export interface StackContext {
  readonly home: StackHome;
  readonly board: PartBoard;
  readonly ports: PortBook;
  /** Aborted when the stack is asked to stop while it starts. */
  readonly signal: AbortSignal;
  part(name: string, title: string): { name: string; title: string; logFile: string };
  life(name: string): LifeOptions;
  facts(server: RunningServer, program: string): PartFacts;
  /** How a process ended of which only its log is known. */
  exitOf(logFile: string): ServerExit;
  /** What has to be undone, the last first. */
  onStop(undo: () => Promise<unknown>): void;
}
