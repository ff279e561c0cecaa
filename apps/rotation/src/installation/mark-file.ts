import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DomainError } from '@dsops/kernel';
import { replaceFile } from '../vault/durable-file.js';
import type { Mark } from './installation.js';

const NOTE = 'How far dsops has come. Never copy it together with the database: that is how it knows a copy.';

/** A slow disk must not end the transaction that waits for the mark. */
export const MARK_PATIENCE = { maxWait: 30_000, timeout: 60_000 };

const contentSchema = z.strictObject({
  note: z.string(),
  version: z.literal(1),
  installation: z.string(),
  highWater: z.string().regex(/^\d{1,18}$/),
});

/** The high-water mark outside the database: a small file beside the key file. */
export class MarkFile {
  constructor(readonly path: string) {}

  /** @throws DomainError `mark_unusable` when the file is there but cannot be read at all. */
  async read(): Promise<Mark | null | 'damaged'> {
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
      const { installation, highWater } = contentSchema.parse(JSON.parse(text));
      return { installationId: installation, highWater: BigInt(highWater) };
    } catch {
      return 'damaged';
    }
  }

  /** Durable when it resolves. */
  async write({ installationId, highWater }: Mark): Promise<void> {
    const content = { note: NOTE, version: 1, installation: installationId, highWater: String(highWater) };
    await this.access(() => replaceFile(this.path, `${JSON.stringify(content, null, 2)}\n`));
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
