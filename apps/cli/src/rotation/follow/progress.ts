import type { RotationView } from '@dsops/contracts/rotation/api';
import { formatDuration } from '@dsops/kernel';
import type { ApiClient } from '@dsops/api-client';
import { interrupted } from '../../failure.js';
import { stepLine } from '../words/rotation.js';
import type { Session } from '../../session.js';
import { followRotation, isSettled, type FollowOptions } from './follow-rotation.js';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * Shows a rotation's steps as they happen, until what was asked for has happened. Ctrl-C leaves the rotation running, says so, and names the command that
 * follows it again.
 */
export async function showProgress(
  session: Session,
  client: ApiClient,
  started: RotationView,
  isOver: FollowOptions['isOver'] = isSettled,
): Promise<RotationView> {
  const { err, io } = session;
  const { paint } = err;
  const interruption = new AbortController();
  const stopListening = io.onInterrupt(() => interruption.abort());
  const spinner = startSpinner(session);
  let isGoingBack = false;
  let isQueued = false;
  let told: string | undefined;
  try {
    spinner.show(started.state);
    const rotation = await followRotation(client, started.id, {
      signal: interruption.signal,
      isOver,
      now: () => io.now(),
      onStep: (step) => spinner.around(() => err.line(stepLine(paint, step, err.isTerminal ? err.columns : undefined))),
      onLook: ({ state, error, waitsFor, queuedBehind }) => {
        if (queuedBehind !== null && !isQueued)
          spinner.around(() => err.line(paint.dim(`  … queued behind rotation ${queuedBehind.id}`)));
        isQueued ||= queuedBehind !== null;
        if (waitsFor && waitsFor.reason !== told) spinner.around(() => err.line(paint.dim(`  … ${waitsFor.reason}`)));
        told = waitsFor?.reason;
        if (state === 'rollback_in_progress' && !isGoingBack)
          spinner.around(() => err.line(paint.yellow(`  ↩ rolling back${error ? `: ${error.message}` : ''}`)));
        isGoingBack ||= state === 'rollback_in_progress';
        spinner.show(state);
      },
      onLost: () => spinner.around(() => err.line(paint.yellow('  … dsops does not answer; trying again'))),
    });
    spinner.stop();
    if (rotation) return rotation;
  } finally {
    spinner.stop();
    stopListening();
  }
  err.line();
  err.line('The rotation goes on without this window. To follow it again:');
  err.line(`  dsops rotation show ${started.id} --watch`);
  throw interrupted('');
}

/** A last line that moves while nothing else happens; only on a terminal. */
function startSpinner({ err, io }: Session) {
  const startedAt = io.now().getTime();
  let state = '';
  let frame = 0;
  let isDrawn = false;
  const draw = () => {
    const elapsed = formatDuration(io.now().getTime() - startedAt);
    err.write(
      `\r\x1b[2K  ${err.paint.cyan(FRAMES[frame++ % FRAMES.length] ?? '')} ${err.paint.dim(`${state}, ${elapsed}`)}`,
    );
    isDrawn = true;
  };
  const erase = () => {
    if (isDrawn) err.write('\r\x1b[2K');
    isDrawn = false;
  };
  const timer = err.isTerminal ? setInterval(draw, 100) : undefined;
  return {
    show: (next: string) => {
      state = next.replaceAll('_', ' ');
    },
    around: (print: () => void) => {
      erase();
      print();
    },
    stop: () => {
      clearInterval(timer);
      erase();
    },
  };
}
