import type { RotationView } from '@dsops/contracts/rotation/api';
import { print, type Format } from '../output/format.js';
import { endOf, exitCodeOfRotation, type Aim } from './words/end.js';
import type { Session } from '../session.js';

/** Prints what a rotation has come to, and what to do next. Answers the exit code. */
export function reportEnd({ out, err, io }: Session, format: Format, rotation: RotationView, aim?: Aim): number {
  const end = endOf(rotation, io.now(), aim);
  print(out, format, rotation, () => end.words(out.paint));
  if (format !== 'table') err.line(end.words(err.paint));
  for (const line of end.advice) err.line(`${err.paint.dim('→')} ${line}`);
  return exitCodeOfRotation(rotation, aim);
}
