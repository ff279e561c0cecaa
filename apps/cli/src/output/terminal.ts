import pc from 'picocolors';
import type { Io, OutputStream } from '../io.js';

export type Paint = ReturnType<typeof pc.createColors>;

/** One of the two outputs: lines, in colour only where a person reads them. */
export interface Terminal {
  readonly isTerminal: boolean;
  readonly paint: Paint;
  /** Characters per line; 80 where nobody knows. */
  readonly columns: number;
  line(text?: string): void;
  write(text: string): void;
}

/** Colour follows https://no-color.org, the older DSOPS_NO_COLOR, --no-color, and whether it is a terminal at all. */
export function openTerminal(stream: OutputStream, io: Io, wantsColor: boolean): Terminal {
  const isTerminal = stream.isTTY === true;
  const { NO_COLOR, DSOPS_NO_COLOR, TERM } = io.env;
  const isColored = isTerminal && wantsColor && !NO_COLOR && !DSOPS_NO_COLOR && TERM !== 'dumb';
  const write = (text: string) => void stream.write(text);
  return {
    isTerminal,
    paint: pc.createColors(isColored),
    columns: stream.columns || 80,
    line: (text = '') => write(`${text}\n`),
    write,
  };
}
