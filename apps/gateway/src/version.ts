import { readFileSync } from 'node:fs';
import { z } from 'zod';

const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** The release that runs, such as `0.1.0`. */
export const VERSION = z.object({ version: z.string() }).parse(manifest).version;
