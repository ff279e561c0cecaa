const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `2026-11-21 14:30:05`, in UTC as the names of versions are. */
export const timestamp = (instant: string): string => new Date(instant).toISOString().slice(0, 19).replace('T', ' ');

/** A past instant as people say it: `Just now`, `5 min ago`, `3 hr ago`, `2 days ago`; older than a week the date. */
export function ago(instant: string | null, now: Date): string {
  if (instant === null) return 'Never';
  const elapsed = now.getTime() - Date.parse(instant);
  if (elapsed < MINUTE) return 'Just now';
  if (elapsed < HOUR) return `${Math.floor(elapsed / MINUTE)} min ago`;
  if (elapsed < DAY) return `${Math.floor(elapsed / HOUR)} hr ago`;
  if (elapsed < 7 * DAY) return days(Math.floor(elapsed / DAY), (words) => `${words} ago`);
  return new Date(instant).toISOString().slice(0, 10);
}

/** A coming instant: `in 5 min`, `in 3 hr`, `in 2 days`; `overdue` when it has passed. */
export function until(instant: string | null, now: Date): string {
  if (instant === null) return 'Not scheduled';
  const left = Date.parse(instant) - now.getTime();
  if (left < 0) return 'overdue';
  if (left < HOUR) return `in ${Math.max(1, Math.round(left / MINUTE))} min`;
  if (left < DAY) return `in ${Math.round(left / HOUR)} hr`;
  return days(Math.round(left / DAY), (words) => `in ${words}`);
}

const days = (count: number, sentence: (words: string) => string): string =>
  sentence(count === 1 ? '1 day' : `${count} days`);

/** The duration column of the history: `850ms`, `4.2s`, `3.3m`, `1.5h`; `-` for nothing. */
export function shortDuration(ms: number): string {
  if (ms === 0) return '-';
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < MINUTE) return `${(ms / 1000).toFixed(1)}s`;
  if (ms < HOUR) return `${(ms / MINUTE).toFixed(1)}m`;
  return `${(ms / HOUR).toFixed(1)}h`;
}
