/** Fetches and builds the tools of the stack for a script, and says what it does. Build the packages before. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';

const load = (path) => import(pathToFileURL(join(root, ...path.split('/'))).href);

/** Ends the process when it does not work. */
export async function fetchTools(tools) {
  const { ensureTools } = await load('stack/dist/index.js');
  const { formatDuration } = await load('libs/kernel/dist/index.js');
  let shown = '';
  const onProgress = ({ step, elapsedMs }) => {
    // A log of CI wants a line per step and no more; the time is in the next one.
    if (step !== shown) console.error(`${step} … (${formatDuration(elapsedMs)})`);
    shown = step;
  };
  try {
    await ensureTools(tools, { onProgress });
  } catch (error) {
    if (error.name !== 'DomainError') throw error;
    console.error(`${error.message}\n${error.details.remedy ?? ''}`);
    process.exit(1);
  }
}
