import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { machineToolsFolder } from '../config.js';
import { buildOnce } from './build-once.js';
import { buildDapr, DAPR_VERSION, daprProgram } from './dapr.js';
import { fetchKafka, fetchZipkin, KAFKA_VERSION, ZIPKIN_JAR, ZIPKIN_VERSION } from './maven.js';
import { ProgressTeller, type OnProgress, type ToolName } from './progress.js';
import { JAVA, require } from './requirements.js';

/** Paths, absolute. `java` may be a command on the path. */
export interface Tools {
  readonly dapr: { readonly version: string; readonly daprd: string; readonly sentry: string };
  readonly scheduler: { readonly version: string; readonly scheduler: string };
  readonly kafka: { readonly version: string; readonly libs: string; readonly java: string };
  readonly zipkin: { readonly version: string; readonly jar: string; readonly java: string };
}

export interface EnsureToolsOptions {
  readonly onProgress?: OnProgress;
  /** Where tools are kept; `DSOPS_TOOLS_HOME` or the platform's cache folder unless said. */
  readonly folder?: string;
  /** Gives up; what was begun is cleared away. */
  readonly signal?: AbortSignal;
}

const VERSIONS: Readonly<Record<ToolName, string>> = {
  dapr: DAPR_VERSION,
  scheduler: DAPR_VERSION,
  kafka: KAFKA_VERSION,
  zipkin: ZIPKIN_VERSION,
};

const FOLDERS: Readonly<Record<ToolName, string>> = {
  dapr: 'dapr',
  scheduler: 'dapr-scheduler',
  kafka: 'kafka',
  zipkin: 'zipkin',
};

/**
 * The tools that are asked for, fetched or built where they are not there yet: Dapr takes about five minutes the first
 * time, the others seconds. Each is verified against pinned checksums. Asking again costs nothing.
 * @throws DomainError `tool_missing`, `tool_too_old`: what the machine lacks and how to get it; `checksum_mismatch`,
 *   `tool_step_failed`, `disk_full`, `tools_folder_unusable`
 */
export async function ensureTools<const Wanted extends ToolName>(
  wanted: readonly Wanted[],
  { onProgress = () => undefined, folder: toolsFolder = machineToolsFolder(), signal }: EnsureToolsOptions = {},
): Promise<Pick<Tools, Wanted>> {
  const names: readonly ToolName[] = wanted;
  // Before five minutes of building, not after them.
  const java = names.some((name) => name === 'kafka' || name === 'zipkin') ? await require(JAVA) : '';
  const folderOf = (name: ToolName) => join(toolsFolder, `${FOLDERS[name]}-${VERSIONS[name]}`);
  for (const name of names) await ensureTool(name, folderOf(name), onProgress, signal);
  const tools: Tools = {
    dapr: {
      version: DAPR_VERSION,
      daprd: daprProgram(folderOf('dapr'), 'daprd'),
      sentry: daprProgram(folderOf('dapr'), 'sentry'),
    },
    scheduler: { version: DAPR_VERSION, scheduler: daprProgram(folderOf('scheduler'), 'scheduler') },
    kafka: { version: KAFKA_VERSION, libs: join(folderOf('kafka'), 'libs'), java },
    zipkin: { version: ZIPKIN_VERSION, jar: join(folderOf('zipkin'), ZIPKIN_JAR), java },
  };
  return Object.fromEntries(names.map((name) => [name, tools[name]])) as Pick<Tools, Wanted>;
}

async function ensureTool(name: ToolName, folder: string, onProgress: OnProgress, signal?: AbortSignal): Promise<void> {
  if (existsSync(folder)) return;
  const progress = new ProgressTeller(name, onProgress);
  try {
    let isWaiting = false;
    await buildOnce({
      folder,
      build: (partial) => build(name, partial, progress, signal),
      onWait: (pid) => {
        signal?.throwIfAborted();
        if (!isWaiting) progress.begin(`waiting for process ${pid}, which builds the same`);
        isWaiting = true;
      },
    });
  } finally {
    progress.stop();
  }
}

async function build(name: ToolName, folder: string, progress: ProgressTeller, signal?: AbortSignal): Promise<void> {
  if (name === 'dapr') return buildDapr(folder, ['daprd', 'sentry'], progress, signal);
  if (name === 'scheduler') return buildDapr(folder, ['scheduler'], progress, signal);
  if (name === 'kafka') {
    progress.begin(`fetching Kafka ${KAFKA_VERSION}, 43 MB`);
    return fetchKafka(folder, signal);
  }
  progress.begin(`fetching Zipkin ${ZIPKIN_VERSION}, 135 MB`);
  return fetchZipkin(folder, signal);
}
