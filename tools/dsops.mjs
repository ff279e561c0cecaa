import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';
import { root } from './run.mjs';

// Only the first call builds: a command that people type often should answer at once.
const main = join(root, 'apps', 'cli', 'dist', 'main.js');
if (!existsSync(main)) await build();
await import(pathToFileURL(main).href);
