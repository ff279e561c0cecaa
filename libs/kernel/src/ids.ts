import { monotonicFactory, isValid } from 'ulid';

/** Chance for ids is drawn by the kilobyte: asking the system for each character of an id costs more than a query. */
const pool = new Uint8Array(1024);
let drawn = pool.length;
const chance = (): number => {
  if (drawn === pool.length) {
    crypto.getRandomValues(pool);
    drawn = 0;
  }
  return pool[drawn++]! / 256;
};

const nextUlid = monotonicFactory(chance);

/** A ULID: 26 characters, sorts by creation time within one process. Immutable once given to a resource. */
export const newId = (): string => nextUlid();

export const isId = (value: string): boolean => isValid(value);

/**
 * The name of a version that people see: `YYYY-MM-DD-HHMM-abc123`, in UTC. The last six characters come from the
 * version's id, because two rotations may happen within one minute.
 */
export function versionName(createdAt: Date, id: string): string {
  const [date = '', time = ''] = createdAt.toISOString().split('T');
  return `${date}-${time.slice(0, 2)}${time.slice(3, 5)}-${id.slice(-6).toLowerCase()}`;
}
