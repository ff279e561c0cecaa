import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** One package of the small workspace: what its package.json declares, and its files by their path in the package. */
export interface PlantedPackage {
  readonly dependencies?: readonly string[];
  readonly devDependencies?: readonly string[];
  readonly exports?: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

/**
 * A small workspace in a folder of its own, beside the real one's configuration and its installed packages. Rules are
 * tried there on files that break them, so that a rule which is configured and does nothing is found.
 */
export class PlantedWorkspace {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'dsops-workspace-')));

  /** @param copied files and folders taken over from the real workspace as they are */
  constructor(copied: readonly string[], packages: Readonly<Record<string, PlantedPackage>> = {}) {
    // What is built comes along, with its times, so that little has to be built again.
    const options = {
      recursive: true,
      preserveTimestamps: true,
      filter: (path: string) => !/[\\/]node_modules$/.test(path),
    };
    for (const path of copied) cpSync(join(ROOT, path), join(this.root, path), options);
    this.write('package.json', JSON.stringify({ name: 'planted', type: 'module', private: true }));
    this.link(join(ROOT, 'node_modules'), 'node_modules');
    for (const [folder, definition] of Object.entries(packages)) this.addPackage(folder, definition, packages);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** @param target an absolute path, or one in this workspace */
  link(target: string, path: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    // A junction needs no rights on Windows; elsewhere the type is ignored.
    symlinkSync(resolve(this.root, target), join(this.root, path), 'junction');
  }

  /** Runs a JavaScript file with this Node, in this workspace. */
  run(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    return new Promise((done, fail) => {
      const child = spawn(process.execPath, [...args], {
        cwd: this.root,
        env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: undefined },
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.on('error', fail);
      child.on('close', (code) => done({ code, stdout, stderr }));
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private addPackage(folder: string, definition: PlantedPackage, all: Readonly<Record<string, PlantedPackage>>): void {
    const { dependencies = [], devDependencies = [], files, exports = { '.': './src/index.ts' } } = definition;
    const versions = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, '*']));
    const manifest = {
      name: nameOf(folder),
      type: 'module',
      exports: Object.fromEntries(Object.entries(exports).map(([entry, path]) => [entry, { '@dsops/source': path }])),
      dependencies: versions(dependencies),
      devDependencies: versions(devDependencies),
    };
    this.write(`${folder}/package.json`, JSON.stringify(manifest));
    for (const [path, text] of Object.entries(files)) this.write(`${folder}/${path}`, text);
    for (const name of [...dependencies, ...devDependencies]) {
      const own = Object.keys(all).find((other) => nameOf(other) === name);
      this.link(own === undefined ? installed(name) : own, `${folder}/node_modules/${name}`);
    }
  }
}

/** `libs/kernel` → `@dsops/kernel` */
const nameOf = (folder: string) => `@dsops/${folder.split('/').at(-1)}`;

/** Where a package of others is installed for one of ours. */
export function installed(name: string): string {
  const owners = ['.', 'libs/platform', 'libs/contracts', 'libs/contracts-generate', 'libs/kernel'];
  const found = owners.map((owner) => join(ROOT, owner, 'node_modules', name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed; the planted workspace needs it.`);
  return realpathSync(found);
}
