import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { homePaths, type HomePaths } from '@dsops/kernel/home';
import { keyPaths } from '@dsops/rotation';
import { openKeyFile, type MasterKey } from '@dsops/sealing';
import { databaseFolder } from '@dsops/standalone';

/** The folder of one installation, below the temporary files of this machine. */
export class HomeFolder {
  readonly paths: HomePaths;
  readonly dataFolder: string;
  readonly keyFile: string;

  constructor() {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dsops-under-test-')));
    chmodSync(folder, 0o711); // as root the database runs under an account of its own
    this.paths = homePaths({ platform: process.platform, env: { DSOPS_HOME: folder }, userFolder: folder });
    this.dataFolder = databaseFolder(this.paths);
    this.keyFile = keyPaths(folder).keyFile;
  }

  get folder(): string {
    return this.paths.folder;
  }

  get adminKey(): string {
    return readFileSync(this.paths.adminKeyFile, 'utf8').trim();
  }

  /** The installation's key, as the program opens it. */
  masterKey(): Promise<MasterKey> {
    return openKeyFile({ path: this.keyFile, database: 'existing' });
  }

  /** Every file of the installation, data included, by its path. */
  *files(): Generator<string> {
    const roots = this.dataFolder.startsWith(this.folder) ? [this.folder] : [this.folder, this.dataFolder];
    for (const root of roots)
      if (existsSync(root))
        for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }))
          if (entry.isFile()) yield join(entry.parentPath, entry.name);
  }

  /**
   * What each file below `folder` is, by relative path: equal when nothing was touched. The data is told by size and
   * time of change, everything else by its content.
   */
  fingerprint(folder = this.folder): Readonly<Record<string, string>> {
    const identify = (file: string): string => {
      if (!file.startsWith(this.dataFolder)) return createHash('sha256').update(readFileSync(file)).digest('hex');
      const { size, mtimeMs, ino } = statSync(file);
      return `${size} ${mtimeMs} ${ino}`;
    };
    const files = [...this.files()].filter((file) => file.startsWith(folder)).sort();
    return Object.fromEntries(files.map((file) => [relative(this.folder, file), identify(file)]));
  }

  /** A copy of everything in a stopped one: data, key and mark. */
  static copyOf(home: HomeFolder): HomeFolder {
    const copy = new HomeFolder();
    copyFolder(home.folder, copy.folder);
    return copy;
  }

  /** Copies the data while the program is stopped. */
  copyData(to: string): void {
    copyFolder(this.dataFolder, to);
  }

  remove(): void {
    for (const folder of [this.folder, ...(this.dataFolder.startsWith(this.folder) ? [] : [dirname(this.dataFolder)])])
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** As a backup does it: whose the files are, and their modes, come along. */
function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  for (const name of ['.', ...readdirSync(from, { recursive: true, encoding: 'utf8' })]) {
    const { uid, gid, mode } = statSync(join(from, name));
    chownSync(join(to, name), uid, gid);
    chmodSync(join(to, name), mode & 0o7777);
  }
}
