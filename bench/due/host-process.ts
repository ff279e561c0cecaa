import { fileURLToPath } from 'node:url';
import type { ApiClient } from '@dsops/api-client';
import { Child, isSaid } from '@dsops/e2e/harness/child';
import { serviceClient } from '../service-client.js';
import type { FromHost, HostRequest, ToHost } from './protocol.js';

const HOST = fileURLToPath(new URL('./host.main.js', import.meta.url));

export class HostProcess {
  private constructor(
    private readonly child: Child<ToHost, FromHost>,
    readonly client: ApiClient,
  ) {}

  static async start(request: HostRequest): Promise<HostProcess> {
    const child = new Child<ToHost, FromHost>('host', HOST, { output: 'shown' });
    await child.until(isSaid<FromHost, 'ready'>('ready'));
    child.send({ host: request });
    const { url, token } = await child.until(isSaid<FromHost, 'hosting'>('hosting'));
    return new HostProcess(child, serviceClient(url, token));
  }

  get pid(): number {
    return this.child.pid!;
  }

  async stop(): Promise<void> {
    this.child.send({ stop: true });
    await this.child.ended;
  }
}
