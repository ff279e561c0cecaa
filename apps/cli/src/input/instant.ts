import { parseDuration } from '@dsops/kernel';
import { usageError } from '../failure.js';

const DAY_MS = 86_400_000;

interface Period {
  readonly from: Date;
  /** The last millisecond that belongs to it. */
  readonly to: Date;
}

/**
 * The start of what `--since` names: a date (`2026-11-21`), a quarter (`2026-Q1`), an instant
 * (`2026-11-21T14:30:00Z`) or so long ago (`24h`, `7d`). Dates are days in UTC.
 */
export const sinceOf = (text: string, now: Date): string => periodOf(text, now, '--since').from.toISOString();

/** The end of what `--until` names; a date counts whole, to 23:59:59.999. */
export const untilOf = (text: string, now: Date): string => periodOf(text, now, '--until').to.toISOString();

function periodOf(text: string, now: Date, option: string): Period {
  const quarter = /^(\d{4})-?Q([1-4])$/i.exec(text);
  if (quarter) {
    const [year, firstMonth] = [Number(quarter[1]), (Number(quarter[2]) - 1) * 3];
    return { from: new Date(Date.UTC(year, firstMonth)), to: new Date(Date.UTC(year, firstMonth + 3) - 1) };
  }
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  // JavaScript rolls 2026-02-30 over into March: what comes out must be what was written.
  if (day && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text))
    return { from: day, to: new Date(day.getTime() + DAY_MS - 1) };
  if (/^\d{4}-\d{2}-\d{2}T/.test(text) && !Number.isNaN(Date.parse(text))) return moment(new Date(text));
  if (/^\d/.test(text) && /[a-z]$/.test(text)) {
    try {
      return moment(new Date(now.getTime() - parseDuration(text)));
    } catch {
      // Worded below, with all the ways to write it.
    }
  }
  throw usageError(
    `${option} is not a time.`,
    'Write a date such as 2026-11-21, a quarter such as 2026-Q1, or so long ago, such as 24h or 7d.',
  );
}

const moment = (at: Date): Period => ({ from: at, to: at });
