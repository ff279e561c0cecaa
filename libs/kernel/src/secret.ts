/** By its registered name, so that this file runs where there is no Node. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');
const MASK = '[secret]';
const values = new WeakMap<Secret, string>();

/**
 * A value that must not be seen. Turning it into a string, JSON or an inspection shows a mask; the value itself lives
 * outside the object, so that no debugger dump or structured clone carries it. {@link unwrapSecret} is the only way out,
 * and every call of it can be found by its name.
 */
export class Secret {
  constructor(value: string) {
    values.set(this, value);
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [INSPECT](): string {
    return MASK;
  }
}

/** The value inside. Use it at the last moment, on the connection that needs it, and keep it in no variable that outlives the call. */
export function unwrapSecret(secret: Secret): string {
  const value = values.get(secret);
  if (value === undefined) throw new TypeError('This Secret was not made in this process.');
  return value;
}
