import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const partSchema = z.object({
  /** What `logs` takes, such as `rotation-daprd`. */
  name: z.string(),
  /** For people, such as `daprd of rotation`. */
  title: z.string(),
  /** `absent`: this stack runs without it. `ended`: it was up, and nobody asked it to end. */
  state: z.enum(['starting', 'up', 'ended', 'absent']),
  /** Where it answers, as people would type it. */
  address: z.string().optional(),
  pid: z.number().int().optional(),
  /** What the process was started from, to recognise it by. */
  program: z.string().optional(),
  logFile: z.string().optional(),
  since: z.iso.datetime(),
  /** Why it is absent, or how it ended, and what to do. */
  note: z.string().optional(),
  remedy: z.string().optional(),
  lastLines: z.array(z.string()).optional(),
});

const stackSchema = z.object({
  version: z.literal(1),
  /** The process that started the parts and watches over them. */
  pid: z.number().int(),
  state: z.enum(['starting', 'up', 'stopping']),
  startedAt: z.iso.datetime(),
  gatewayUrl: z.string().optional(),
  zipkinUrl: z.string().optional(),
  databasePort: z.number().int().optional(),
  /** In the order in which they start. */
  parts: z.array(partSchema),
});

export type PartRecord = z.output<typeof partSchema>;
export type StackRecord = z.output<typeof stackSchema>;

/** What a stack says about itself, for other processes. It holds no secret. It is there while the stack runs. */
export class StateFile {
  constructor(private readonly file: string) {}

  /** Undefined when nothing runs, or when the file is none of ours. */
  read(): StackRecord | undefined {
    try {
      return stackSchema.parse(JSON.parse(readFileSync(this.file, 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** Whole or not at all: readers never see half of it. */
  write(record: StackRecord): void {
    mkdirSync(dirname(this.file), { recursive: true });
    const partial = `${this.file}.${process.pid}`;
    writeFileSync(partial, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
    renameSync(partial, this.file);
  }

  remove(): void {
    rmSync(this.file, { force: true });
  }
}
