import type { Tools } from '../tools/ensure-tools.js';
import { freePort } from './ports.js';
import { answers, startServer, type LifeOptions, type RunningServer } from './server-process.js';

export interface ZipkinServer extends RunningServer {
  /** Where people look at traces, `http://127.0.0.1:…`. */
  readonly url: string;
  /** Where spans go, as JSON of Zipkin's version 2. */
  readonly spansUrl: string;
}

export interface ZipkinOptions extends LifeOptions {
  readonly tools: Pick<Tools, 'zipkin'>;
  readonly port?: number;
}

/** Starts Zipkin with its store in memory, some 8 seconds: half a million spans, the oldest fall out. */
export async function startZipkin(options: ZipkinOptions): Promise<ZipkinServer> {
  const { jar, java } = options.tools.zipkin;
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    ...options,
    name: 'Zipkin',
    command: java,
    // Its server listens on all interfaces unless it is told one.
    args: [
      '-Xmx512m',
      '-XX:TieredStopAtLevel=1',
      '-jar',
      jar,
      `--armeria.ports[0].port=${port}`,
      '--armeria.ports[0].ip=127.0.0.1',
      '--armeria.ports[0].protocols[0]=http',
    ],
    env: { QUERY_PORT: String(port), MEM_MAX_SPANS: '500000' },
    isReady: () => answers(`${url}/health`),
  });
  return { ...server, url, spansUrl: `${url}/api/v2/spans` };
}
