import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { DomainError } from '@dsops/kernel';
import { replaceFile } from '@dsops/sealing';
import type { FoundMark, Mark } from './installation.js';

const NOTE = 'How far dsops has come. Never copy it together with the database: that is how it knows a copy.';

/** A slow disk must not end the transaction that waits for the mark. */
export const MARK_PATIENCE = { maxWait: 30_000, timeout: 60_000 };

const contentSchema = z.strictObject({
  note: z.string(),
  version: z.literal(1),
  installation: z.string(),
  highWater: z.string().regex(/^\d{1,18}$/),
  /** Where it was written; absent where that means nothing. */
  place: z.string().optional(),
});

/** The high-water mark outside the database: a small file beside the key file. */
export class MarkFile {
  /** @param isBound it belongs to the folder in which it lies: a copy of that folder is another installation */
  constructor(
    readonly path: string,
    private readonly isBound = false,
  ) {}

  /** @throws DomainError `mark_unusable` when the file is there but cannot be read at all. */
  async read(): Promise<FoundMark | null | 'damaged'> {
    const text = await this.access(async () => {
      try {
        return await readFile(this.path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    });
    if (text === null) return null;
    try {
      const { installation, highWater, place } = contentSchema.parse(JSON.parse(text));
      const isElsewhere = this.isBound && place !== undefined && place !== (await this.access(() => this.place()));
      return { installationId: installation, highWater: BigInt(highWater), isElsewhere };
    } catch (error) {
      if (error instanceof DomainError) throw error;
      return 'damaged';
    }
  }

  /** Durable when it resolves. */
  async write({ installationId, highWater }: Mark): Promise<void> {
    await this.access(async () => {
      const place = this.isBound ? { place: await this.place() } : {};
      const content = { note: NOTE, version: 1, installation: installationId, highWater: String(highWater), ...place };
      await replaceFile(this.path, `${JSON.stringify(content, null, 2)}\n`);
    });
  }

  /** A copy of the folder has another path, or another inode where the path is the same on another machine. */
  private async place(): Promise<string> {
    const folder = dirname(this.path);
    const [path, { ino }] = await Promise.all([realpath(folder), stat(folder, { bigint: true })]);
    return createHash('sha256').update(`${path}\n${ino}`).digest('base64url').slice(0, 22);
  }

  private async access<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      throw new DomainError('mark_unusable', 'unavailable', `The file ${this.path} cannot be used (${code}).`, {
        remedy: 'dsops changes no credential without it. Make room, or let its account read and write this folder.',
      });
    }
  }
}
