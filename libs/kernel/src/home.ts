import { posix, win32 } from 'node:path';

/** What a program knows about the machine it runs on; `process` and `os.homedir()` in real life. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The home folder of the user, absolute. */
  readonly userFolder: string;
}

export interface HomePaths {
  /** Everything of one installation lies below this folder. */
  readonly folder: string;
  /** Written by a running server, JSON: `{url, version, pid, startedAt}`. Clients find the server by it. */
  readonly instanceFile: string;
  /** The API key that the first start makes, one line, readable by its owner only (0600). */
  readonly adminKeyFile: string;
}

/**
 * Where dsops keeps its data: `DSOPS_HOME`, else what the platform prescribes.
 * Linux: https://specifications.freedesktop.org/basedir-spec/latest/ (a relative `XDG_DATA_HOME` is invalid and ignored).
 * Pure: it looks at no disk, so the folder may not exist.
 */
export function homePaths({ platform, env, userFolder }: Surroundings): HomePaths {
  const path = platform === 'win32' ? win32 : posix;
  const folder = env.DSOPS_HOME ? path.resolve(env.DSOPS_HOME) : path.join(platformFolder(), 'dsops');
  return {
    folder,
    instanceFile: path.join(folder, 'instance.json'),
    adminKeyFile: path.join(folder, 'keys', 'admin.key'),
  };

  function platformFolder(): string {
    if (platform === 'win32') return env.LOCALAPPDATA || path.join(userFolder, 'AppData', 'Local');
    if (platform === 'darwin') return path.join(userFolder, 'Library', 'Application Support');
    const xdg = env.XDG_DATA_HOME;
    return xdg && path.isAbsolute(xdg) ? xdg : path.join(userFolder, '.local', 'share');
  }
}
