import { randomBytes } from 'node:crypto';

/** A secret in a place where it must not be. It names both, and never says the secret. */
export interface Leak {
  readonly secret: string;
  readonly form: string;
  readonly where: string;
}

/** Something that is looked at: a log, an answer, a row, a file, the arguments of a process. */
export interface Exhibit {
  readonly where: string;
  readonly bytes: Buffer | string;
}

interface Pattern {
  readonly bytes: Buffer;
  readonly secret: string;
  readonly form: string;
}

/** Shorter ones would be found by chance. */
const SHORTEST = 8;

/** The secrets of a test, each with a name, and the forms in which they could leak. */
export class SecretScan {
  private readonly patterns: Pattern[] = [];
  private readonly known = new Set<string>();
  /** By the first two bytes: is there a pattern that begins so? */
  private readonly beginnings = new Uint8Array(65_536);
  private readonly byBeginning = new Map<number, Pattern[]>();

  /** Makes a value that occurs nowhere else; its signs are such that escaping changes them. */
  plant(name: string): string {
    return this.add(name, `${name.replaceAll(' ', '-')}-'%"${randomBytes(12).toString('base64url')}`);
  }

  /** Looks for this value too, from now on. */
  add(name: string, value: string | Buffer): string {
    const bytes = Buffer.from(value);
    if (bytes.length < SHORTEST) throw new Error(`The secret ${name} is too short to be looked for.`);
    if (this.known.has(bytes.toString('hex'))) return value.toString();
    this.known.add(bytes.toString('hex'));
    for (const [form, text] of formsOf(bytes)) {
      const pattern = { bytes: Buffer.from(text), secret: name, form };
      const beginning = pattern.bytes.readUInt16BE(0);
      this.patterns.push(pattern);
      this.beginnings[beginning] = 1;
      this.byBeginning.set(beginning, [...(this.byBeginning.get(beginning) ?? []), pattern]);
    }
    return value.toString();
  }

  get secrets(): readonly string[] {
    return [...new Set(this.patterns.map(({ secret }) => secret))];
  }

  /** Every secret in every piece of evidence, each named once per place. One pass over the bytes, whatever their number. */
  search(evidence: Iterable<Exhibit>): Leak[] {
    const leaks = new Map<string, Leak>();
    for (const { where, bytes } of evidence)
      for (const { secret, form } of this.matches(Buffer.from(bytes)))
        if (!leaks.has(`${secret}|${where}`)) leaks.set(`${secret}|${where}`, { secret, form, where });
    return [...leaks.values()];
  }

  private *matches(bytes: Buffer): Generator<Pattern> {
    for (let at = 0; at + SHORTEST <= bytes.length; at++) {
      const beginning = (bytes[at]! << 8) | bytes[at + 1]!;
      if (this.beginnings[beginning] === 0) continue;
      for (const pattern of this.byBeginning.get(beginning) ?? [])
        if (pattern.bytes.equals(bytes.subarray(at, at + pattern.bytes.length))) yield pattern;
    }
  }
}

/** A value as it is, and as the encodings leave it that programs use on the way to a log, a URL, a row or a file. */
function* formsOf(bytes: Buffer): Generator<[form: string, text: Buffer | string]> {
  const text = bytes.toString();
  yield ['plain', bytes];
  yield ['hex', bytes.toString('hex')];
  yield ['hex', bytes.toString('hex').toUpperCase()];
  // Inside something longer it begins at any of three places of a group; what the neighbours decide is cut off.
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const own = encoded.slice(Math.ceil((shift * 8) / 6), (shift + bytes.length) % 3 === 0 ? undefined : -1);
    yield ['base64', own];
    yield ['base64url', own.replaceAll('+', '-').replaceAll('/', '_')];
  }
  if (Buffer.from(text).equals(bytes)) {
    yield ['JSON', JSON.stringify(text).slice(1, -1)];
    yield ['JSON in JSON', JSON.stringify(JSON.stringify(text)).slice(3, -3)];
    yield ['URL', encodeURIComponent(text)];
    yield ['SQL', text.replaceAll("'", "''")];
  }
}
