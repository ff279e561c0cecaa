import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Secret } from '@dsops/kernel';
import { usageError } from '../failure.js';
import type { Session } from '../session.js';
import { askHidden } from './prompt.js';

export interface PasswordSource {
  /** The option's stem: `password` or `admin-password`. */
  readonly option: string;
  /** Whose it is, for the question and the messages. */
  readonly whose: string;
  readonly file?: string | undefined;
  readonly stdin?: boolean | undefined;
}

const MAX_LENGTH = 1024;

/** A password from a file, from standard input or from a hidden question; never from an argument. */
export async function readPassword(session: Session, source: PasswordSource): Promise<Secret> {
  const { option, whose, file, stdin } = source;
  if (file !== undefined && stdin)
    throw usageError(`--${option}-file and --${option}-stdin cannot be used together.`, 'Choose one of them.');
  if (file !== undefined) return checked(await contentOf(file, option), `The file given with --${option}-file`);
  if (stdin) return checked(await text(session.io.stdin), 'Standard input');
  if (!session.isInteractive)
    throw usageError(
      `The password of ${whose} is missing.`,
      `Give it with --${option}-file FILE or --${option}-stdin; on a terminal it is asked for.`,
    );
  return checked(await askHidden(session, `Password of ${whose}: `), 'What was typed');
}

async function contentOf(file: string, option: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    throw usageError(`The file given with --${option}-file ${reason}.`, 'Check its path and who may read it.');
  }
}

/** One line; the line break at its end is not part of the password. */
function checked(content: string, origin: string): Secret {
  const password = content.replace(/\r?\n$/, '');
  if (password === '') throw usageError(`${origin} is empty.`, 'It should hold the password.');
  if (password.length > MAX_LENGTH || /[\r\n\0]/.test(password))
    throw usageError(
      `${origin} does not look like a password: it has several lines or more than ${MAX_LENGTH} characters.`,
      'It should hold one line, the password and nothing else.',
    );
  return new Secret(password);
}
