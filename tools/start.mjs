import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';
import { root } from './run.mjs';

// The program has its own --help; building first keeps that help and the program one.
await build();
await import(pathToFileURL(join(root, 'apps', 'standalone', 'dist', 'main.js')).href);
