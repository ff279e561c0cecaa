import { usageError } from './failure.js';

/** Option names under which people tend to pass a value that must not be an argument. */
const NAMES_A_SECRET = /^--?(([\w-]+-)?(password|passwd|passphrase|secret|token)|pass|pw|api-key)(=|$)/i;

/**
 * Refuses a secret on the command line, where every user of the machine sees it and the shell's history keeps it.
 * Looks at the raw words before anything else does, so that no other message can echo one. The sentence names the
 * option and never the value.
 */
export function refuseSecretArguments(argv: readonly string[]): void {
  for (const word of argv) {
    const option = NAMES_A_SECRET.exec(word)?.[0].replace('=', '');
    if (option !== undefined)
      throw usageError(
        `${option} is not taken: arguments can be seen by every user of this machine and stay in the shell's history.`,
        option.includes('pass')
          ? `Use ${option}-file FILE or ${option}-stdin, or leave it out and type the password when asked. Then change the one you just typed.`
          : 'Put the value into a file that only you can read, and name the file.',
      );
    if (/^(--new-value=)?literal:/i.test(word))
      throw usageError(
        'A new value is never given as an argument, and dsops chooses each value itself.',
        'Leave --new-value out.',
      );
  }
}
