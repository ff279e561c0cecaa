import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The workspace's root, whether this file runs from its source or from its build. */
export const WORKSPACE = rootAbove(import.meta.dirname);

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return folder;
  if (dirname(folder) === folder) throw new Error('This is not in a workspace of dsops.');
  return rootAbove(dirname(folder));
}
