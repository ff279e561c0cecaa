import { z } from 'zod';

const lineSchema = z.object({
  level: z.string(),
  /** Ours say `message`, Dapr's `msg`. */
  message: z.string().optional(),
  msg: z.string().optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** A line of a log as people read it: of a JSON line its level, its message and its error; any other as it is. */
export function readableLine(line: string): string {
  if (!line.startsWith('{')) return line;
  const parsed = lineSchema.safeParse(parseJson(line));
  if (!parsed.success) return line;
  const { level, message, msg, error } = parsed.data;
  const text = [message ?? msg, error?.message].filter((part) => part !== undefined).join(': ');
  return text === '' ? line : `${level}: ${text}`;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
