import { DomainError } from './errors.js';

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Milliseconds of a duration such as `30s`, `10m`, `1h30m`, `7d`, `250ms` (Go's notation with days and weeks).
 * A bare number counts as seconds, as the older configuration has it.
 */
export function parseDuration(text: string | number): number {
  if (typeof text === 'number') return text * 1000;
  const source = text.trim();
  if (/^\d+$/.test(source)) return Number(source) * 1000;
  const parts = [...source.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== source)
    throw new DomainError('duration_invalid', 'invalid', `"${text}" is not a duration.`, {
      remedy: 'Write it as 30s, 10m, 1h30m or 7d.',
    });
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit!] ?? 0), 0);
}

/** A duration for people, two units at most: `850 ms`, `4.2 s`, `3m 20s`, `2h 5m`, `7d`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ];
  const shown: string[] = [];
  let rest = Math.round(ms / 1000) * 1000;
  for (const [name, size] of units) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) shown.push(`${amount}${name}`);
  }
  return shown.slice(0, 2).join(' ');
}
