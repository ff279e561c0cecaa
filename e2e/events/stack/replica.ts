import { freePorts, startDaprd, type DaprdServer } from '@dsops/stack';
import { unwrapSecret } from '@dsops/kernel';
import type { KafkaWorld } from '../../stack/kafka-world.js';
import { API_TOKEN, APP_TOKEN, type SidecarFiles } from '../../stack/sidecar-files.js';
import { ServiceProcess, type Listeners } from '../service-process.js';

export interface ReplicaOptions {
  readonly name: string;
  readonly role: 'producer' | 'consumer';
  /** What service.mjs takes beside what is said here. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly kafka: KafkaWorld;
  readonly files: SidecarFiles;
  readonly listeners?: Listeners;
}

/** One process of a service and its sidecar, each on the ports that it keeps for life, as in a pod. */
export class Replica {
  private daprd: DaprdServer | undefined;

  private constructor(
    private readonly options: ReplicaOptions,
    readonly child: ServiceProcess,
    private readonly appPort: number,
    private readonly sidecarPort: number,
  ) {}

  static async prepare(options: ReplicaOptions): Promise<Replica> {
    const { name, role, settings, files, listeners } = options;
    const [appPort, sidecarPort] = (await freePorts(2)) as [number, number];
    const transport = {
      kind: 'dapr',
      port: appPort,
      sidecarUrl: `http://127.0.0.1:${sidecarPort}`,
      apiToken: unwrapSecret(API_TOKEN),
      topicPrefix: files.topicPrefix,
    };
    const child = new ServiceProcess({ ...settings, role, name, transport, token: unwrapSecret(APP_TOKEN) }, listeners);
    return new Replica(options, child, appPort, sidecarPort);
  }

  get name(): string {
    return this.options.name;
  }

  async start(): Promise<void> {
    await this.child.start();
    await this.startSidecar();
  }

  async startSidecar(): Promise<void> {
    const { kafka, files, role, name } = this.options;
    const appId = role === 'producer' ? 'rotation' : 'notification';
    this.daprd = await startDaprd({
      tools: kafka.tools,
      appId,
      appPort: this.appPort,
      appHealthPath: '/health/live',
      httpPort: this.sidecarPort,
      apiToken: API_TOKEN,
      appToken: APP_TOKEN,
      resourcesPath: files.resourcesPath,
      configPath: files.configPathOf(appId),
      logFile: kafka.logFile(name.replaceAll(' ', '-')),
      logLevel: 'warn',
    });
  }

  async killSidecar(): Promise<void> {
    await this.daprd?.kill();
  }

  /** The sidecar first: it leaves the group and lets what is in delivery end. */
  async stop(): Promise<void> {
    await this.daprd?.stop();
    await this.child.stop();
  }
}
