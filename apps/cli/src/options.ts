import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { FORMATS } from './output/format.js';

// Options that several commands share, worded once.
export const formatOption = () =>
  new Option('--format <format>', 'how to print the result').choices(FORMATS).default('table' as const);
export const envOption = () => new Option('--env <environment>', 'environment (DSOPS_ENV, or the only one there is)');
export const serviceOption = () => new Option('--service <service>', 'service, instead of the argument');
export const yesOption = () => new Option('-y, --yes', 'do not ask').default(false);
export const reasonOption = () => new Option('--reason <text>', 'why, for the audit log');
export const limitOption = (fallback: number) =>
  new Option('--limit <count>', 'how many entries at most').argParser(readCount).default(fallback);

const MOST = 10_000;

export function readCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > MOST) throw new InvalidArgumentError(`From 1 to ${MOST}.`);
  return count;
}

/** A port as a number; the contract checks its range. */
export function readPort(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('A whole number.');
  return Number(text);
}

/** For options that may be given several times or hold a list with commas. */
export const collectNames = (text: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  ...text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean),
];

/** The examples at the end of a command's help, aligned. */
export function examples(...pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([line]) => line.length));
  return ['', 'Examples:', ...pairs.map(([line, means]) => `  ${line.padEnd(width)}  ${means}`.trimEnd())].join('\n');
}
