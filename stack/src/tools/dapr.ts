import { appendFile, chmod, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '@dsops/kernel';
import type { ProgressTeller } from './progress.js';
import { GO, require } from './requirements.js';
import { mustRun } from './run-command.js';

/** 1.18.2 and 1.18.3 name a module version that the public proxy does not have, so they cannot be built from it. */
export const DAPR_VERSION = '1.18.1';

const MODULE = `github.com/dapr/dapr@v${DAPR_VERSION}`;
/** The module's entry in go.sum files; its own go.sum pins everything that it is built from. */
const MODULE_SUM = 'h1:Ra9AE9ekBva6Dqc5nz71aA+I8DEdjllFqyn+Z/mBSow=';
/**
 * The scheduler's queue of jobs. The public proxy refuses v0.12.5, which Dapr 1.18.1 names; this is the one that
 * Dapr 1.18.2 names, with the same requirements of its own. The sums are those of that release's go.sum.
 */
const QUEUE = {
  path: 'github.com/diagridio/go-etcd-cron',
  version: 'v0.12.6',
  sum: 'h1:8ruus+RCVLvmY0k/TQTLTW2voeSeQoxgpm89XhxXWzU=',
  modSum: 'h1:Hj7WYwxoYBjV2sOc7ycOy/fZhFVHBetYSZ78C5PcoZc=',
};
export type DaprProgram = 'daprd' | 'sentry' | 'scheduler';
const TAGS = ['-tags', 'stablecomponents'];
const LDFLAGS = `-s -w -X github.com/dapr/dapr/pkg/buildinfo.version=${DAPR_VERSION} -X github.com/dapr/kit/logger.DaprVersion=${DAPR_VERSION}`;
/** Without C the programs run wherever they are copied to; GOFLAGS of the user would reach a build that is not theirs. */
const ENV = { CGO_ENABLED: '0', GOFLAGS: '' };

export const daprProgram = (folder: string, name: DaprProgram): string =>
  join(folder, process.platform === 'win32' ? `${name}.exe` : name);

/**
 * Builds some of Dapr's programs from the module's source into the folder. The source is copied first and built as the main
 * module: only then do its own go.mod, with its replacements, and its go.sum apply (`go install …@version` refuses it).
 */
export async function buildDapr(
  folder: string,
  programs: readonly DaprProgram[],
  progress: ProgressTeller,
  signal?: AbortSignal,
): Promise<void> {
  const go = await require(GO);
  const stop = signal === undefined ? {} : { signal };
  const source = join(folder, 'source');
  progress.begin("fetching Dapr's source");
  await cp(await fetchModule(go), source, { recursive: true });
  await makeWritable(source);
  await registerSqliteNames(source);
  await replaceQueue(source);
  progress.begin('fetching the modules it is made of, some minutes the first time');
  const packages = programs.map((name) => `./cmd/${name}`);
  const listed = await mustRun(`Fetching the modules of ${programs[0]}`, go, ['list', '-deps', ...TAGS, ...packages], {
    cwd: source,
    env: ENV,
    ...stop,
  });
  const total = listed.stdout.trim().split('\n').length;

  let built = 0;
  for (const name of programs) {
    progress.begin(name === 'daprd' ? 'building daprd, about five minutes the first time' : `building ${name}`);
    await mustRun(
      `Building ${name}`,
      go,
      ['build', '-v', ...TAGS, '-ldflags', LDFLAGS, '-o', daprProgram(folder, name), `./cmd/${name}`],
      {
        cwd: source,
        env: ENV,
        // With -v the compiler names each package that it compiles, and is silent about those in its cache.
        onLine: (line) => {
          if (/^[\w.-]+(\/[\w.@~-]+)*$/.test(line)) progress.reach((built += 1) / total);
        },
      },
    );
    await assertVersion(daprProgram(folder, name), name);
  }
  await rm(source, { recursive: true, force: true });
}

async function assertVersion(program: string, name: DaprProgram): Promise<void> {
  if (name !== 'daprd') return; // the others have no such option
  const { stdout } = await mustRun('Starting the new daprd', program, ['--version']);
  if (!stdout.includes(DAPR_VERSION))
    throw new DomainError('tool_step_failed', 'internal', `The daprd that was built says that it is ${stdout.trim()}.`);
}

/** Where Go keeps the module after its checksum was compared with ours. */
async function fetchModule(go: string): Promise<string> {
  const { stdout } = await mustRun("Fetching Dapr's source", go, ['mod', 'download', '-json', MODULE], { env: ENV });
  const { Dir: folder, Sum: sum } = JSON.parse(stdout) as { Dir: string; Sum: string };
  if (sum !== MODULE_SUM)
    throw new DomainError(
      'checksum_mismatch',
      'refused',
      `Dapr ${DAPR_VERSION} as delivered is not the one that was reviewed.`,
      { remedy: 'Nothing was installed. Look at the proxy that Go uses (go env GOPROXY).' },
    );
  return folder;
}

/** Go's module cache is read-only, and so is what was copied from it. */
async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}

/**
 * Stacks that run side by side must not find each other's services, as they would with mDNS. The name resolver that
 * works on a file, sqlite, belongs to Dapr's released programs but not to its smaller set of stable components, which
 * we build because it is built sooner: it is added to that set.
 */
async function registerSqliteNames(source: string): Promise<void> {
  const file = join(source, 'cmd', 'daprd', 'components', 'nameresolution_sqlite.go');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(/^\/\/go:build allcomponents$/m, '//go:build allcomponents || stablecomponents'));
}

async function replaceQueue(source: string): Promise<void> {
  const { path, version, sum, modSum } = QUEUE;
  await appendFile(join(source, 'go.mod'), `\nreplace ${path} => ${path} ${version}\n`);
  await appendFile(join(source, 'go.sum'), `${path} ${version} ${sum}\n${path} ${version}/go.mod ${modSum}\n`);
}
