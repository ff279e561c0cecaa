import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ServiceClient } from '../service-client.js';
import type { FromHost, HostRequest, ToHost } from './protocol.js';

const HOST = fileURLToPath(new URL('./host.main.js', import.meta.url));

export class HostProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly client: ServiceClient,
  ) {}

  static async start(request: HostRequest): Promise<HostProcess> {
    const child = fork(HOST, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const hosting = await new Promise<Extract<FromHost, { is: 'hosting' }>>((done, failed) => {
      child.once('exit', (code) => failed(new Error(`The service ended with ${code} before it was up.`)));
      child.on('message', (message: FromHost) => {
        switch (message.is) {
          case 'ready':
            return tell(child, { host: request });
          case 'hosting':
            return done(message);
          case 'failed':
            return failed(new Error(message.message));
        }
      });
    });
    return new HostProcess(child, new ServiceClient(hosting.url, hosting.token));
  }

  get pid(): number {
    return this.child.pid!;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    tell(this.child, { stop: true });
    await ended;
  }
}

const tell = (child: ChildProcess, message: ToHost): void => void child.send(message);
