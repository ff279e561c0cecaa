import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { DomainError } from '@dsops/kernel';
import { freePort, isFree } from '../servers/ports.js';

const bookSchema = z.record(z.string(), z.number().int());

/** Which port each part had the last time: people keep them in bookmarks, and tools in their settings. */
export class PortBook {
  private readonly ports: Record<string, number>;

  constructor(private readonly file: string) {
    this.ports = read(file);
  }

  /** The port that this name had, or a free one when that is taken, or when it had none. */
  async take(name: string): Promise<number> {
    const last = this.ports[name];
    const port = last !== undefined && (await isFree(last)) ? last : await freePort();
    this.note(name, port);
    return port;
  }

  /**
   * This port and no other.
   * @throws DomainError `port_taken`
   */
  async takeWanted(name: string, port: number): Promise<number> {
    if (!(await isFree(port)))
      throw new DomainError(
        'port_taken',
        'conflict',
        `Port ${port} cannot be had: another program listens on it, or it needs rights that you do not have.`,
        { remedy: 'Stop that program, or choose another port; without --port a free one is taken.' },
      );
    this.note(name, port);
    return port;
  }

  private note(name: string, port: number): void {
    this.ports[name] = port;
    writeFileSync(this.file, `${JSON.stringify(this.ports, null, 2)}\n`, { mode: 0o600 });
  }
}

function read(file: string): Record<string, number> {
  try {
    return bookSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {}; // the first start, or a file that somebody has spoilt: ports are chosen anew
  }
}
