import { Session, type Profiler } from 'node:inspector';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface SelfCost {
  readonly name: string;
  readonly ms: number;
  /** Of all the time that was sampled. */
  readonly share: number;
}

/** V8's sampling profiler on this process. Its calls return when they are done, so it can begin and end between two steps. */
export class ProcessorProfile {
  private readonly session = new Session();
  private profile: Profiler.Profile | null = null;

  begin(): void {
    this.session.connect();
    this.session.post('Profiler.enable');
    this.session.post('Profiler.setSamplingInterval', { interval: 500 });
    this.session.post('Profiler.start');
  }

  end(): void {
    this.session.post('Profiler.stop', (failure, answer) => {
      if (failure === null) this.profile = answer.profile;
    });
    this.session.disconnect();
  }

  /** For the profiler of a browser or an editor. */
  write(path: string): void {
    writeFileSync(path, JSON.stringify(this.taken()));
  }

  /** Where the processor was, by function, the largest first. Waiting is one of them: `(idle)`. */
  functions(): SelfCost[] {
    return this.costsBy(({ functionName, url, lineNumber }) =>
      url === '' ? functionName || '(native)' : `${functionName || '(anonymous)'}  ${placeOf(url)}:${lineNumber + 1}`,
    );
  }

  /** The same by package of the code: what was written here, and each library. */
  packages(): SelfCost[] {
    return this.costsBy(({ functionName, url }) => {
      if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
      if (url.startsWith('wasm:')) return 'WebAssembly';
      return packageOf(url);
    });
  }

  private costsBy(nameOf: (frame: Profiler.ProfileNode['callFrame']) => string): SelfCost[] {
    const { nodes, samples = [], timeDeltas = [] } = this.taken();
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
    const costs = new Map<string, number>();
    for (const [nth, id] of samples.entries()) {
      const name = names.get(id) ?? '(unknown)';
      costs.set(name, (costs.get(name) ?? 0) + (timeDeltas[nth] ?? 0) / 1_000);
    }
    const all = [...costs.values()].reduce((sum, ms) => sum + ms, 0);
    return [...costs].map(([name, ms]) => ({ name, ms, share: ms / all })).toSorted((a, b) => b.ms - a.ms);
  }

  private taken(): Profiler.Profile {
    if (this.profile === null) throw new Error('The profiler has given no profile.');
    return this.profile;
  }
}

function packageOf(url: string): string {
  if (url.startsWith('node:')) return 'node';
  const [, , library] = /(.*)\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  if (library !== undefined) return library;
  const [, own] = /\/((?:apps|libs)\/[^/]+)\//.exec(url) ?? [];
  return own ?? 'bench';
}

function placeOf(url: string): string {
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  const [, library] = /.*\/node_modules\/(.*)$/.exec(path) ?? [];
  const [, own] = /\/((?:apps|libs|stack|bench)\/.*)$/.exec(path) ?? [];
  return library ?? own ?? path;
}
