import { formatDuration } from '@dsops/kernel';
import type { Screen } from '@dsops/standalone/screen';
import { isWatched, leftovers } from './processes.js';
import { healthOf } from './health.js';
import { stackHome } from './stack-home.js';
import { StateFile, type StackRecord } from './state-file.js';

/** What `status` finds. `lost`: the process that watched over the parts is gone without having stopped them. */
export type Found = { readonly is: 'none' } | { readonly is: 'running' | 'lost'; readonly record: StackRecord };

export async function look(folder: string): Promise<Found> {
  const record = new StateFile(stackHome(folder).stateFile).read();
  if (record === undefined) return { is: 'none' };
  return { is: (await isWatched(record)) ? 'running' : 'lost', record };
}

/** Every part that this stack has is up, and so is the stack as a whole. */
export const isAllUp = (found: Found): boolean =>
  found.is === 'running' &&
  found.record.state === 'up' &&
  found.record.parts.every(({ state }) => state === 'up' || state === 'absent');

/** Shows what runs, where, and what ended and why. @returns whether all of it is up and answers */
export async function showStatus(folder: string, screen: Screen): Promise<boolean> {
  const found = await look(folder);
  if (found.is === 'none') {
    screen.text(`No stack runs on ${folder}.`);
    screen.text('Start one with: pnpm stack up');
    return false;
  }
  const { record } = found;
  let answers = true;
  screen.title(headline(found.is, record));
  if (found.is === 'lost') await describeLost(record, screen);
  for (const part of record.parts) {
    const process = part.pid === undefined ? '' : `process ${part.pid}`;
    if (part.state === 'up' && found.is === 'running')
      screen.done(part.title, `${(part.address ?? '').padEnd(32)} ${process}`.trimEnd());
    else if (part.state === 'ended') {
      screen.bad(part.title, `${part.note ?? 'ended'}, ${sinceWords(part.since)} ago`);
      for (const line of part.lastLines?.slice(-6) ?? []) screen.text(`  │ ${line.slice(0, 200)}`);
      if (part.remedy !== undefined) screen.text(part.remedy);
    } else screen.skipped(part.title, part.state === 'starting' ? 'starting' : (part.note ?? 'not running'));
  }
  if (record.gatewayUrl !== undefined && found.is === 'running') {
    const health = await healthOf(record.gatewayUrl);
    answers = health.isOk;
    if (health.isOk) screen.done('health', health.text);
    else screen.bad('health', health.text);
    screen.text();
    screen.fact('API', record.gatewayUrl);
    if (record.zipkinUrl !== undefined) screen.fact('traces', record.zipkinUrl);
    screen.fact('data, keys and logs', folder);
  }
  return answers && isAllUp(found);
}

function headline(is: 'running' | 'lost', record: StackRecord): string {
  if (is === 'lost') return 'The stack was not stopped in order';
  const ended = record.parts.filter(({ state }) => state === 'ended').map(({ title }) => title);
  if (ended.length > 0) return `The stack runs without ${ended.join(', ')}`;
  return `The stack is ${record.state}, since ${sinceWords(record.startedAt)}`;
}

async function describeLost(record: StackRecord, screen: Screen): Promise<void> {
  screen.text(`Process ${record.pid}, which watched over its parts, is gone. They end by themselves then.`);
  const left = await leftovers(record);
  screen.text(
    left.length === 0 ? 'None of them runs.' : `Still running: ${left.map(({ title }) => title).join(', ')}.`,
  );
  screen.text('pnpm stack down clears up; pnpm stack up starts again. Data is kept.');
  screen.text();
}

const sinceWords = (instant: string): string => formatDuration(Math.max(0, Date.now() - Date.parse(instant)));
