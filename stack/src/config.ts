import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';
import type { Surroundings } from '@dsops/kernel/home';

/**
 * Where the tools of the stack are kept, outside every checkout and every installation: `DSOPS_TOOLS_HOME`, else the
 * platform's folder for what can be fetched again.
 */
export function toolsFolder({ platform, env, userFolder }: Surroundings): string {
  const path = platform === 'win32' ? win32 : posix;
  if (env.DSOPS_TOOLS_HOME) return path.resolve(env.DSOPS_TOOLS_HOME);
  return path.join(cacheFolder(), 'dsops', 'tools');

  function cacheFolder(): string {
    if (platform === 'win32') return path.join(env.LOCALAPPDATA || path.join(userFolder, 'AppData', 'Local'), 'Cache');
    if (platform === 'darwin') return path.join(userFolder, 'Library', 'Caches');
    const xdg = env.XDG_CACHE_HOME;
    return xdg && path.isAbsolute(xdg) ? xdg : path.join(userFolder, '.cache');
  }
}

export const machineToolsFolder = (): string =>
  toolsFolder({ platform: process.platform, env: process.env, userFolder: homedir() });

/** The environment as it is, for compilers and package managers: proxies, mirrors and settings of the user included. */
export const wholeEnvironment = (): NodeJS.ProcessEnv => ({ ...process.env });

const PASSED_ON = [
  'PATH',
  'Path',
  'HOME',
  'USER',
  'LANG',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'USERPROFILE',
  'SystemRoot',
  'ComSpec',
  'JAVA_HOME',
] as const;

/** What a server gets to see of our environment. It does not inherit the rest, where secrets of others may be. */
export function serverEnvironment(own: Readonly<Record<string, string>> = {}): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...own };
}

/** The Java that `JAVA_HOME` names, else the one on the path. */
export const javaCommand = (): string =>
  process.env.JAVA_HOME
    ? (process.platform === 'win32' ? win32 : posix).join(process.env.JAVA_HOME, 'bin', 'java')
    : 'java';
