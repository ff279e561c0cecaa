import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DomainError } from '@dsops/kernel';
import { replaceFile } from '@dsops/sealing';
import type { KeptHead } from './kept-head.js';

const NOTE = 'How far the audit log has come. Keep it out of the reach of who administers the database.';

const contentSchema = z.strictObject({
  note: z.string(),
  version: z.literal(1),
  position: z.int().nonnegative(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  writtenAt: z.iso.datetime(),
});

/** Where the service may have its {@link HeadFile} injected; null where none is kept. */
export const HEAD_FILE = Symbol('HeadFile');

/** The head of the log in a file, in the same home as the high-water mark. One process writes it. */
export class HeadFile {
  constructor(readonly path: string) {}

  /** @throws DomainError `audit_head_unusable` when it is there and cannot be read, or is damaged */
  async read(): Promise<KeptHead | null> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw this.unusable((error as NodeJS.ErrnoException).code ?? 'unknown error');
    }
    try {
      const { position, hash, writtenAt } = contentSchema.parse(JSON.parse(text));
      return { position, hash: Buffer.from(hash, 'hex'), writtenAt: new Date(writtenAt) };
    } catch {
      throw this.unusable('damaged');
    }
  }

  /** Durable when it resolves. */
  async write({ position, hash, writtenAt }: KeptHead): Promise<void> {
    const content = {
      note: NOTE,
      version: 1,
      position,
      hash: Buffer.from(hash).toString('hex'),
      writtenAt: writtenAt.toISOString(),
    };
    await replaceFile(this.path, `${JSON.stringify(content, null, 2)}\n`).catch((error: unknown) => {
      throw this.unusable((error as NodeJS.ErrnoException).code ?? 'unknown error');
    });
  }

  private unusable(why: string): DomainError {
    return new DomainError(
      'audit_head_unusable',
      'unavailable',
      `The file ${this.path}, which keeps the head of the audit log, cannot be used (${why}).`,
      {
        remedy:
          'Make room, or let its account read and write this folder. When it is damaged, look at "dsops audit verify", move it away, and start again.',
      },
    );
  }
}
