import { fileURLToPath } from 'node:url';
import { Child, isSaid } from '@dsops/e2e/harness/child';
import { ServiceClient } from '../service-client.js';
import type { FromHost, HostRequest, ToHost } from './protocol.js';

const HOST = fileURLToPath(new URL('./host.main.js', import.meta.url));

export class HostProcess {
  private constructor(
    private readonly child: Child<ToHost, FromHost>,
    readonly client: ServiceClient,
  ) {}

  static async start(request: HostRequest): Promise<HostProcess> {
    const child = new Child<ToHost, FromHost>('host', HOST, { output: 'shown' });
    await child.until(isSaid<FromHost, 'ready'>('ready'));
    child.send({ host: request });
    const { url, token } = await child.until(isSaid<FromHost, 'hosting'>('hosting'));
    return new HostProcess(child, new ServiceClient(url, token));
  }

  get pid(): number {
    return this.child.pid!;
  }

  async stop(): Promise<void> {
    this.child.send({ stop: true });
    await this.child.ended;
  }
}
