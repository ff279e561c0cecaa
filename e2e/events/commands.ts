import { randomUUID } from 'node:crypto';

/** What a client asks for: one transaction with a row of its own and one event for each of its keys. */
export interface Command {
  readonly id: string;
  readonly text: string;
  /** One event is said for each; order as given, which differs between commands. */
  readonly keys: readonly string[];
}

/** Keys with a hot one: the k-th is chosen with a weight of 1/k. */
function skewedKeys(count: number): () => string {
  const sums: number[] = [];
  for (let k = 1; k <= count; k += 1) sums.push((sums.at(-1) ?? 0) + 1 / k);
  return () => {
    const drawn = Math.random() * sums.at(-1)!;
    return `key-${sums.findIndex((sum) => drawn < sum)}`;
  };
}

/** Of 200 keys the hottest has 17 % of the events. One command in ten takes two keys, in an order of its own. */
export function skewedCommands(count: number, keys: number): Command[] {
  const draw = skewedKeys(keys);
  return Array.from({ length: count }, (_, n) => {
    const [first, second] = [draw(), draw()];
    return { id: randomUUID(), text: `do ${n}`, keys: n % 10 === 0 && first !== second ? [first, second] : [first] };
  });
}

/** An event whose handler fails until somebody heals it. */
export const poisonCommand = (keys: number): Command => ({ ...skewedCommands(1, keys)[0]!, text: 'poison 0' });

/** The last event of every key. A transport with chaos loses each of them for certain. */
export const lastCommands = (keys: number): Command[] =>
  Array.from({ length: keys }, (_, n) => ({ id: randomUUID(), text: `last ${n}`, keys: [`key-${n}`] }));
