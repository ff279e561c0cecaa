/** How the tools speak at the terminal: options, help, colour, times. */
import { parseArgs, styleText } from 'node:util';

/** Colours a text when standard output is a terminal that wants colour (NO_COLOR and FORCE_COLOR are honoured). */
export const paint = (style, text) => styleText(style, text, { stream: process.stdout });

export const say = (line = '') => void process.stdout.write(`${line}\n`);

/** `0.4 s`, `12.3 s`, `2m 05s` */
export function seconds(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, '0')}s`;
}

/**
 * Reads the options. Prints the help and ends on `--help`, or one sentence and exit code 2 on an option that is not there.
 * @param {{help: string, options?: import('node:util').ParseArgsConfig['options'], allowPositionals?: boolean}} spec
 */
export function readOptions({ help, options = {}, allowPositionals = false }) {
  try {
    const { values, positionals } = parseArgs({
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals,
    });
    if (values.help) {
      say(help.trim());
      process.exit(0);
    }
    return { ...values, positionals };
  } catch (error) {
    process.stderr.write(`${error.message}\nSee --help.\n`);
    process.exit(2);
  }
}
