import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { interrupted, usageError } from '../failure.js';
import type { Session } from '../session.js';

/** Asks one line of the person at the terminal. Refused when there is none; Ctrl-C and the end of input interrupt. */
export function ask(session: Session, question: string): Promise<string> {
  return readAnswer(session, question, false);
}

/** As {@link ask}, without showing what is typed. */
export async function askHidden(session: Session, question: string): Promise<string> {
  const answer = await readAnswer(session, question, true);
  session.err.line();
  return answer;
}

/** `y` and `yes` are a yes; anything else, an empty line too, is a no. */
export async function confirm(session: Session, question: string): Promise<boolean> {
  return /^\s*y(es)?\s*$/i.test(await ask(session, question));
}

function readAnswer({ io, err, isInteractive }: Session, question: string, isHidden: boolean): Promise<string> {
  if (!isInteractive)
    return Promise.reject(
      usageError('This needs an answer, and there is no terminal to ask at.', 'Give it as an option; see --help.'),
    );
  // readline echoes to its output in terminal mode: a hidden answer goes to an output that swallows it.
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!isHidden) err.write(chunk.toString());
      done();
    },
  });
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: io.stdin, output, terminal: true, historySize: 0 });
    if (isHidden) err.write(question);
    let isAnswered = false;
    lines.question(isHidden ? '' : question, (answer) => {
      isAnswered = true;
      lines.close();
      resolve(answer);
    });
    lines.on('close', () => {
      if (isAnswered) return;
      err.line();
      reject(interrupted('Interrupted; nothing was done.'));
    });
    lines.on('SIGINT', () => lines.close());
  });
}
