import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { Secret, type DomainError } from '@dsops/kernel';
import { homePaths, type HomePaths } from '@dsops/kernel/home';
import { usageError } from './failure.js';
import type { Io } from './io.js';

/** Where the server is. */
export interface Connection {
  /** Without a slash at its end, such as `http://127.0.0.1:7466`. */
  readonly url: string;
  /** In words, for messages: what said so. */
  readonly source: string;
  readonly home: HomePaths;
  readonly keyFile: string;
}

const instanceSchema = z.looseObject({ url: z.string(), version: z.string(), pid: z.int() });

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** The server named by --url or DSOPS_URL, else the one that runs on this machine. */
export async function findConnection(io: Io, given: string | undefined): Promise<Connection> {
  const home = homePaths(io);
  const running = await readInstance(home);
  const named = given ?? io.env.DSOPS_URL;
  const source = given !== undefined ? '--url' : io.env.DSOPS_URL ? 'DSOPS_URL' : home.instanceFile;
  const address = named || running;
  if (!address)
    throw usageError(
      `No dsops runs on this machine: ${home.instanceFile} does not exist.`,
      'Start it with "pnpm start", or say where it is with --url or DSOPS_URL.',
    );
  const url = readUrl(address, source);
  return { url, source, home, keyFile: keyFileFor(url) };

  function keyFileFor(address: string): string {
    if (io.env.DSOPS_API_KEY_FILE) return io.env.DSOPS_API_KEY_FILE;
    // The key of this machine's installation goes to no other machine.
    if (!named || address === running || isLoopback(address)) return home.adminKeyFile;
    throw usageError(
      `There is no API key for ${address}.`,
      'Name the file that holds it with DSOPS_API_KEY_FILE. The key of the dsops on this machine is not sent elsewhere.',
    );
  }
}

/** The address in `instance.json`; undefined when no server of this machine has left one. */
async function readInstance(home: HomePaths): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(home.instanceFile, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(home.instanceFile, error);
  }
  try {
    return instanceSchema.parse(JSON.parse(text)).url.replace(/\/+$/, '');
  } catch {
    throw usageError(
      `${home.instanceFile} is damaged.`,
      'Start dsops again with "pnpm start": it writes the file anew.',
    );
  }
}

/** The key, checked so that no later error of the HTTP client can quote it. */
export async function readApiKey({ keyFile }: Connection): Promise<Secret> {
  let text: string;
  try {
    text = await readFile(keyFile, 'utf8');
  } catch (error) {
    if (!isMissing(error)) throw unreadable(keyFile, error);
    throw usageError(
      `The file with the API key, ${keyFile}, does not exist.`,
      'Name another with DSOPS_API_KEY_FILE; dsops makes the first key when it starts for the first time.',
    );
  }
  const key = text.trim();
  if (!/^[\x21-\x7e]{8,512}$/.test(key))
    throw usageError(`${keyFile} does not hold an API key.`, 'It should hold one line, the key and nothing else.');
  return new Secret(key);
}

function readUrl(address: string, source: string): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw usageError(`${source} is not an address.`, 'Write it as http://127.0.0.1:7466 or https://dsops.example.com.');
  }
  // Never quoted: an address of another kind may well hold a password.
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw usageError(`${source} is not an http or https address.`, 'It names the dsops server, not a database.');
  if (url.username || url.password)
    throw usageError(`${source} holds a user or a password.`, 'Give the API key by file, with DSOPS_API_KEY_FILE.');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

export const isLoopback = (address: string): boolean =>
  /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(address).hostname);

const unreadable = (file: string, cause: unknown): DomainError =>
  usageError(
    `${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown reason'}).`,
    'Check who owns it: only the user that runs dsops may read its files.',
    cause,
  );
