import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';

/** One fact about what left the product for its target, as the wrapped driver saw it. */
export type TapEntry =
  /** A value exists. Written and synced before anybody can use it. */
  | { readonly kind: 'value'; readonly value: string; readonly origin: 'imported' | 'generated' }
  /** A login was tried and answered. */
  | { readonly kind: 'probed'; readonly login: string; readonly value: string; readonly verdict: string }
  /** A command is about to be sent, in its session. `value` is null when it ends the slot's value. */
  | { readonly kind: 'sending'; readonly session: string; readonly slot: string; readonly value: string | null }
  /** The target has confirmed that this session is gone: whatever is sent in it from now on reaches nobody. */
  | { readonly kind: 'ended'; readonly session: string };

export type TappedEntry = TapEntry & { readonly pid: number; readonly atMs: number };

/** Appends facts to a file that survives whoever writes it: one line each, whole or not at all. */
export class Tap {
  private readonly file: number;

  constructor(path: string) {
    this.file = openSync(path, 'a', 0o600);
  }

  /** On disk when it returns. */
  write(entry: TapEntry): void {
    const line: TappedEntry = { ...entry, pid: process.pid, atMs: Date.now() };
    writeSync(this.file, `${JSON.stringify(line)}\n`);
    if (entry.kind === 'value') fsyncSync(this.file);
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Reads what was appended since the last time. A line that is still being written is left for the next time. */
export class TapReader {
  private readonly read: TappedEntry[] = [];
  private offset = 0;

  constructor(private readonly path: string) {}

  all(): readonly TappedEntry[] {
    if (!existsSync(this.path)) return this.read;
    const file = openSync(this.path, 'r');
    try {
      const fresh = Buffer.alloc(fstatSync(file).size - this.offset);
      const length = readSync(file, fresh, 0, fresh.length, this.offset);
      const whole = fresh.subarray(0, length).lastIndexOf(0x0a) + 1;
      for (const line of fresh.subarray(0, whole).toString('utf8').split('\n'))
        if (line !== '') this.read.push(JSON.parse(line) as TappedEntry);
      this.offset += whole;
    } finally {
      closeSync(file);
    }
    return this.read;
  }

  values(): string[] {
    return this.all().flatMap((entry) => (entry.kind === 'value' ? [entry.value] : []));
  }
}
