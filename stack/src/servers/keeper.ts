import { fork, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const packageRoot = dirname(createRequire(import.meta.url).resolve('@dsops/stack/package.json'));

/** One for this process, while it has servers. */
let keeper: ChildProcess | undefined;
const kept = new Set<number>();

/** From now on the server ends when this process does, however this process ends. */
export function keep(pid: number): void {
  if (keeper === undefined) {
    keeper = fork(join(packageRoot, 'keeper', 'keeper.mjs'), { detached: true, stdio: 'ignore', execArgv: [] });
    const own = keeper;
    own.once('exit', () => {
      if (keeper === own) keeper = undefined;
    });
    own.on('error', () => undefined); // its channel, when it was killed: servers then live on, as without a keeper
    // It must not keep this process alive, of which it waits to end.
    own.unref();
    own.channel?.unref();
  }
  kept.add(pid);
  keeper.send({ keep: pid });
}

/** The server has ended, or is nobody's business any more. */
export function release(pid: number): void {
  if (!kept.delete(pid) || keeper === undefined) return;
  if (kept.size > 0) return void keeper.send({ release: pid });
  // Without servers there is nothing to keep: it ends by itself, and the next server gets a new one.
  const last = keeper;
  keeper = undefined;
  last.send({ release: pid }, () => last.connected && last.disconnect());
}
